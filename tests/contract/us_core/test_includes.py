"""What US Core 6.1 asks to come along with a match, and the references its searches follow."""

import pytest

from tests.contract.us_core import metadata, oracle
from tests.contract.us_core.asking import MADE, PARAMETERS, expected, found, of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("us-core")]


def item(text):
    return text.lower().replace(":", "-") if ":" in text else f"us-{text.lower()}"


@pytest.mark.parametrize(("type", "value"), metadata.includes(), ids=item)
async def test_what_a_match_refers_to_comes_along(us_core, type, value):
    _, element, *target = value.split(":")
    target = target[0] if target else element.title()
    for method in ("GET", "POST"):
        pairs = {"_id": "us-1", "_include": value}
        address = f"/fhir/{type}" if method == "GET" else f"/fhir/{type}/_search"
        answer = await us_core.request(method, address, **{"params" if method == "GET" else "data": pairs})
        assert answer.status_code == 200, answer.text
        modes = {
            f"{entry['resource']['resourceType']}/{entry['resource']['id']}": entry["search"]["mode"]
            for entry in answer.json()["entry"]
        }
        assert modes == {f"{type}/us-1": "match", f"{target}/us-1": "include"}


@pytest.mark.parametrize(("type", "value"), metadata.revincludes(), ids=item)
async def test_the_provenance_of_a_match_comes_along(us_core, type, value):
    for method in ("GET", "POST"):
        pairs = {"_id": "us-1", "_revinclude": value}
        address = f"/fhir/{type}" if method == "GET" else f"/fhir/{type}/_search"
        answer = await us_core.request(method, address, **{"params" if method == "GET" else "data": pairs})
        assert answer.status_code == 200, answer.text
        modes = {
            f"{entry['resource']['resourceType']}/{entry['resource']['id']}": entry["search"]["mode"]
            for entry in answer.json()["entry"]
        }
        assert modes == {f"{type}/us-1": "match", f"Provenance/us-{type.lower()}": "include"}


@pytest.mark.parametrize(
    ("parameter", "chain"),
    [(parameter, chain) for parameter in PARAMETERS.values() for chain in parameter.chained],
    ids=lambda one: one if isinstance(one, str) else f"us-{one.resource.lower()}-{one.name}",
)
async def test_a_reference_is_followed_to_a_parameter_of_its_target(us_core, parameter, chain):
    for value in oracle.forms(PARAMETERS["Practitioner", chain], of("Practitioner")):
        targets = expected("Practitioner", [(chain, value)])
        right = sorted(
            one["id"]
            for one in MADE
            if one["resourceType"] == parameter.resource
            and one["practitioner"]["reference"] in {f"Practitioner/{id}" for id in targets}
        )
        assert "us-1" in right
        for asked_as in (f"{parameter.name}.{chain}", f"{parameter.name}:Practitioner.{chain}"):
            assert await found(us_core, parameter.resource, [(asked_as, value)]) == right
            assert await found(us_core, parameter.resource, [(asked_as, value)], "POST") == right
