"""Every type of a record, on every way to a resource: a way that forgets who asks is a leak of all of that type."""

from typing import Any

import pytest

from fhir_server.definitions.compartments import members
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params.catalog import served
from tests.integration.rest.access.world import Asker, resource, to

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("every-type")]

NAMED = {
    "Account": lambda who: {"subject": [who]},
    "Appointment": lambda who: {"participant": [{"actor": who}]},
    "AppointmentResponse": lambda who: {"actor": who},
    "Schedule": lambda who: {"actor": [who]},
    "SupplyRequest": lambda who: {"deliverTo": who},
}
LINKS = {"Group", "Person", "AuditEvent"}  # they hold several patients together, or are not for apps
BY_OTHER_TESTS = {"Patient", "Provenance"}


def about(type: str, patient: str) -> dict[str, Any]:
    """The least that says whom a resource of the type is about."""
    if type in NAMED:
        return NAMED[type](to(f"Patient/{patient}"))
    column = next(one for one in served(type).values() if one.column == "patient")
    (name,) = column.paths[0].names
    return {name: to(f"Patient/{patient}")}


TYPES = sorted({*members("Patient"), "Device"} - LINKS - BY_OTHER_TESTS)


async def statuses(caller: Asker, ways: list[str]) -> dict[str, str]:
    """How a caller is answered on each way, all asked together."""
    entries = [{"request": {"method": "GET", "url": way}} for way in ways]
    answer = await caller.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    told = [entry["response"]["status"] for entry in answer.json()["entry"]]
    return dict(zip(ways, told, strict=True))


@pytest.mark.item("access-read")
@pytest.mark.item("access-search")
@pytest.mark.item("leak-16")
async def test_each_type_is_hidden_on_every_way_and_shown_on_every_way(server):
    for patient in ("a", "b"):
        secret = {"implicitRules": "urn:secret-of-b"} if patient == "b" else {}
        await server.store(
            *(resource(type, f"{patient}-each", **about(type, patient), **secret) for type in TYPES)
        )
    app = server.caller("patient/*.rs", patient="a")
    mine, theirs = {f"{type}/a-each" for type in TYPES}, {f"{type}/b-each" for type in TYPES}

    for shown, status in ((mine, "200"), (theirs, "404")):
        ways = [f"{one}{way}" for one in sorted(shown) for way in ("", "/_history", "/_history/1", "/$meta")]
        assert set((await statuses(app, ways)).values()) == {status}
    found = [
        await app.found(f"{way}_id=a-each,b-each") for way in ("?_count=500&", "Patient/a/*?_count=500&")
    ]
    assert found == [mine, mine - {"Device/a-each"}]
    for type in TYPES:
        assert await app.found(f"{type}?_id=a-each,b-each") == {f"{type}/a-each"}
    history = await app.found("_history?_count=1000")
    assert mine <= history
    assert not theirs & history
    assert mine <= await app.found("Patient/a/$everything?_count=1000")


@pytest.mark.item("access-order")
@pytest.mark.item("leak-16")
async def test_types_that_no_record_holds_are_refused_whether_or_not_there_are_any(server):
    app = server.caller("patient/*.cruds", patient="a")
    held = {
        *TYPES,
        *BY_OTHER_TESTS,
        "Binary",
        "DeviceMetric",
        "Location",
        "Medication",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Subscription",  # of whoever made it
    }
    ways = [
        f"{type}{way}"
        for type in sorted(RESOURCE_TYPES.keys() - held - {"AuditEvent"})
        for way in ("/open", "/n", "", "/_history")
    ]

    assert set((await statuses(app, ways)).values()) == {"403"}
    assert (await app.ask("POST", "Group", {"resourceType": "Group"})).status_code == 403
