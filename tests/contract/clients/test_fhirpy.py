"""fhirpy, asynchronous and synchronous, as it comes from its makers."""

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from tests.contract.clients.content import heart_rate, patient, transaction

pytestmark = pytest.mark.xdist_group("clients")

JSON_PATCH = {"Content-Type": "application/json-patch+json"}


def asynchronous(server, **headers):
    return AsyncFHIRClient(server.fhir, authorization=f"Bearer {server.token}", extra_headers=headers)


@pytest.fixture
def client(server):
    return asynchronous(server)


@pytest.fixture
def plain(server):
    return SyncFHIRClient(server.fhir, authorization=f"Bearer {server.token}")


async def stored(client, name, readings=3):
    """A patient with readings, created one by one."""
    whom = client.resource(**_named(patient(name)))
    await whom.create()
    for number in range(readings):
        await client.resource(**_named(heart_rate(whom.reference, 60 + number, number))).create()
    return whom


def _named(resource):
    return {"resource_type": resource["resourceType"]} | {
        key: value for key, value in resource.items() if key != "resourceType"
    }


async def test_a_resource_is_created_read_changed_and_deleted(client):
    made = client.resource(**_named(patient("Fhirpy-Crud")))
    await made.create()
    made["active"] = False
    await made.update()
    again = await client.reference("Patient", made.id).to_resource()
    assert (again["active"], again["meta"]["versionId"]) == (False, "2")
    await made.delete()
    with pytest.raises(ResourceNotFound):
        await client.get("Patient", made.id)


async def test_a_search_finds_by_several_criteria_in_order(client):
    whom = await stored(client, "Fhirpy-Search")
    search = client.resources("Observation").search(
        patient=whom.id, code="http://loinc.org|8867-4", date__ge="2026-02-03T10:01:00Z"
    )
    found = await search.sort("-date").fetch()
    assert [each["valueQuantity"]["value"] for each in found] == [62, 61]
    assert (await search.search(value_quantity__gt=61).first())["valueQuantity"]["value"] == 62
    assert (
        await client.resources("Patient").search(name="Fhirpy-Search", birthdate__lt="1960").first() is None
    )


async def test_pages_are_followed_to_the_last(client):
    whom = await stored(client, "Fhirpy-Pages", readings=7)
    found = await client.resources("Observation").search(patient=whom.id).limit(2).fetch_all()
    assert sorted(each["valueQuantity"]["value"] for each in found) == list(range(60, 67))


async def test_a_total_is_counted(server, client):
    whom = await stored(client, "Fhirpy-Total")
    lenient = asynchronous(server, Prefer="handling=lenient")
    assert await lenient.resources("Observation").search(patient=whom.id).count() == 3


async def test_what_a_match_refers_to_and_what_refers_to_it_come_along(client):
    whom = await stored(client, "Fhirpy-Include", readings=1)
    observations = client.resources("Observation").search(patient=whom.id)
    included = await observations.include("Observation", "patient").fetch_raw()
    assert [entry["search"]["mode"] for entry in included["entry"]] == ["match", "include"]
    patients = client.resources("Patient").search(_id=whom.id)
    returned = await patients.revinclude("Observation", "patient").fetch_raw()
    assert [entry["resource"]["resourceType"] for entry in returned["entry"]] == ["Patient", "Observation"]


async def test_a_chain_and_its_reverse_are_followed(client):
    whom = await stored(client, "Fhirpy-Chain", readings=2)
    chained = await client.resources("Observation").search(patient__Patient__name="Fhirpy-Chain").fetch()
    assert len(chained) == 2
    patients = client.resources("Patient").search(name="Fhirpy-Chain")
    having = await patients.has("Observation", "patient", code="8867-4").fetch()
    assert [each.id for each in having] == [whom.id]
    assert await patients.has("Observation", "patient", code="9279-1").fetch() == []


async def test_a_transaction_is_stored_whole(client):
    answer = await client.execute("", data=transaction("Fhirpy-Transaction", 3))
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201"] * 4
    location = answer["entry"][0]["response"]["location"].partition("/_history")[0]
    id = location.rpartition("/")[2]
    assert len(await client.resources("Observation").search(patient=id).fetch()) == 3


async def test_a_patch_changes_what_it_names(server, client):
    whom = await stored(client, "Fhirpy-Patch", readings=0)
    patching = asynchronous(server, **JSON_PATCH)
    operations = [{"op": "replace", "path": "/active", "value": False}]
    answer = await patching.execute(whom.reference, method="patch", data=operations)
    assert (answer["active"], answer["meta"]["versionId"]) == (False, "2")
    wrong = [{"op": "test", "path": "/active", "value": True}]
    with pytest.raises(OperationOutcome):
        await patching.execute(whom.reference, method="patch", data=wrong)


def test_the_synchronous_client_searches_pages_includes_and_transacts(server, plain):
    plain.execute("", data=transaction("Fhirpy-Sync", 5))
    whom = plain.resources("Patient").search(name="Fhirpy-Sync").get()
    search = plain.resources("Observation").search(patient=whom.id)
    assert len(search.limit(2).fetch_all()) == 5
    bundle = search.include("Observation", "patient").fetch_raw()
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Observation"] * 5 + [
        "Patient"
    ]
    patching = SyncFHIRClient(
        server.fhir, authorization=f"Bearer {server.token}", extra_headers=dict(JSON_PATCH)
    )
    operations = [{"op": "add", "path": "/gender", "value": "female"}]
    assert patching.execute(whom.reference, method="patch", data=operations)["gender"] == "female"
