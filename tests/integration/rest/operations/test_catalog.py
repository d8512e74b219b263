"""What holds of every operation: where it is listed, who may call it, and how it refuses."""

import pytest

from fhir_server.app import create_app
from fhir_server.operations.catalog import CATALOG
from fhir_server.validation.structure import check
from smart_auth.principal import Principal
from tests.integration.rest.conftest import connected, settings

VERSIONED = {"system": "", "type": "{type}/", "instance": "{type}/1/", "version": "{type}/1/_history/1/"}


@pytest.fixture
def client(shared_client):
    return shared_client


def addresses():
    for operation in CATALOG:
        for level in operation.levels:
            type = (operation.types or ("Basic",))[0]
            yield operation, f"/fhir/{VERSIONED[level].format(type=type)}${operation.code}"


async def test_every_operation_is_listed_with_a_definition_that_can_be_read(client):
    (rest,) = (await client.get("/fhir/metadata")).json()["rest"]
    listed = {"system": rest.get("operation", [])} | {
        one["type"]: one.get("operation", []) for one in rest["resource"]
    }
    for operation in CATALOG:
        places = [*(["system"] if "system" in operation.levels else []),
                  *((operation.types or ("Basic", "Observation")) if set(operation.levels) - {"system"} else ())]  # fmt: skip
        for place in places:
            (one,) = [one for one in listed[place] if one["name"] == operation.code]
            answer = await client.get(one["definition"])
            assert answer.status_code == 200, one
            check("OperationDefinition", answer.content)
            assert answer.json()["code"] == operation.code
    assert [one["name"] for one in listed["Patient"]].count("lastn") == 0


async def test_a_stored_definition_goes_before_the_servers_own(client, fhir):
    path = "/fhir/OperationDefinition/Observation-lastn"
    own = await client.get(path)
    stored = own.json() | {"title": "Ours", "status": "draft"}
    assert (await client.put(path, **fhir(stored))).status_code == 201
    assert (await client.get(path)).json()["title"] == "Ours"
    assert (await client.get("/fhir/OperationDefinition/Observation-nothing")).status_code == 404
    assert (await client.get("/fhir/Basic/Observation-lastn")).status_code == 404


async def test_get_serves_what_changes_nothing_and_head_goes_without_a_body(client):
    for operation, path in addresses():
        answer = await client.get(path)
        if operation.affects_state:
            assert answer.status_code == 405, path
            assert "POST" in answer.headers["allow"]
        else:
            assert answer.status_code in (200, 400, 404), path
            head = await client.head(path)
            assert (head.status_code, head.content) == (answer.status_code, b""), path
        assert (await client.get(f"{path}?_format=xml")).status_code in (405, 406), path
        assert (await client.put(path)).status_code == 405, path


async def test_what_is_no_operation_is_not_found(client):
    for path in ("$nothing", "Patient/$nothing", "Patient/1/$nothing", "Patient/1/_history/1/$nothing", "Patient/1/$lastn",
                 "Nonsense/$validate", "$validate", "Patient/1/$everything/x"):  # fmt: skip
        answer = await client.get(f"/fhir/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("scopes", [set(), {"openid"}, {"system/Device.cud"}, {"patient/Observation.rs"}])
async def test_nobody_is_let_in_who_was_not_granted_it(database_url, scopes):
    class Given:
        async def authenticate(self, _):
            return Principal("someone", frozenset(scopes))

    app = create_app(settings(database_url), Given())
    async with app.router.lifespan_context(app), connected(app) as client:
        for operation, path in addresses():
            answer = await client.post(path)
            assert answer.status_code == 403, (operation.code, answer.text)
            if not operation.affects_state:
                assert (await client.get(path)).status_code == 403, operation.code


async def test_every_operation_needs_the_token(client):
    del client.headers["authorization"]
    for _, path in addresses():
        assert (await client.post(path)).status_code == 401, path
