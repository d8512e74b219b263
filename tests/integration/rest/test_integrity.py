import asyncio
import json

import pytest

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.create import create_alone
from fhir_server.interactions.integrity import HeldToIntegrity
from fhir_server.interactions.write import prepare
from fhir_server.store.predicate import EVERYTHING


@pytest.fixture
def client(shared_client):
    return shared_client


@pytest.fixture
async def strict(serving):
    async with serving(reference_integrity="on") as client:
        yield client


@pytest.fixture
async def p1(strict, patient, fhir):
    await strict.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))


def observation(subject, **more):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}} | (
        {"subject": {"reference": subject}} | more
    )


async def test_without_the_setting_a_reference_may_lead_nowhere(client, fhir):
    assert (await client.post("/fhir/Observation", **fhir(observation("Patient/nobody")))).status_code == 201


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        ("Patient/p1", 201), ("http://server.example/fhir/Patient/p1", 201), ("Patient/p1/_history/1", 201),
        ("http://elsewhere.example/fhir/Patient/nobody", 201), ("urn:uuid:0b5ee5a2-9a6c-4d2f-8d0c-000000000000", 201),
        ("Patient/nobody", 422), ("http://server.example/fhir/Patient/nobody", 422), ("Patient/p1/_history/2", 422),
        ("Patient/p1/_history/x", 422), ("Group/p1", 422),
    ],
)  # fmt: skip
async def test_a_local_reference_must_name_what_is_there(strict, p1, fhir, reference, status):
    answer = await strict.post("/fhir/Observation", **fhir(observation(reference)))
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["issue"][0]["expression"] == ["Observation.subject"]


async def test_every_reference_that_leads_nowhere_is_told(strict, p1, fhir):
    contained = {"resourceType": "Device", "id": "d", "owner": {"reference": "Organization/o"}}
    tree = observation("Patient/p1", performer=[{"reference": "Patient/p1"}, {"reference": "Practitioner/x"}],
                       contained=[contained], device={"reference": "#d"})  # fmt: skip
    answer = await strict.post("/fhir/Observation", **fhir(tree))
    assert [issue["expression"] for issue in answer.json()["issue"]] == [
        ["Observation.performer[1]"],
        ["Observation.contained[0].owner"],
    ]


async def test_update_patch_and_conditional_writes_are_held_to_it_too(strict, p1, fhir):
    await strict.put("/fhir/Observation/o1", **fhir(observation("Patient/p1", id="o1")))
    bad = fhir(observation("Patient/nobody", id="o1"))
    create = fhir(observation("Patient/nobody"))
    create["headers"]["If-None-Exist"] = "_id=o2"
    patch = {
        "content": json.dumps([{"op": "replace", "path": "/subject/reference", "value": "Patient/nobody"}]),
        "headers": {"Content-Type": "application/json-patch+json"},
    }
    answers = [
        await strict.put("/fhir/Observation/o1", **bad),
        await strict.put("/fhir/Observation?_id=o1", **bad),
        await strict.post("/fhir/Observation", **create),
        await strict.patch("/fhir/Observation/o1", **patch),
        await strict.patch("/fhir/Observation?_id=o1", **patch),
    ]
    assert [answer.status_code for answer in answers] == [422] * 5
    assert (await strict.get("/fhir/Observation/o1")).headers["etag"] == 'W/"1"'


async def test_a_resource_may_refer_to_itself(strict, patient, fhir):
    link = [{"other": {"reference": "Patient/p2"}, "type": "refer"}]
    answer = await strict.put("/fhir/Patient/p2", **fhir(patient | {"id": "p2", "link": link}))
    assert answer.status_code == 201


async def test_what_is_deleted_is_not_there(strict, p1, fhir):
    await strict.delete("/fhir/Patient/p1")
    assert (await strict.post("/fhir/Observation", **fhir(observation("Patient/p1")))).status_code == 422


@pytest.mark.parametrize(
    ("referrer", "deleted"),
    [
        (observation("Patient/p1"), "Patient/p1"),
        (observation("http://server.example/fhir/Patient/p1"), "Patient/p1"),
        (observation("Patient/p1", device={"reference": "Device/d1"}), "Device/d1"),
        (observation("Patient/p1", performer=[{"reference": "Patient/p2"}]), "Patient/p2"),
        (observation("Patient/p1", device={"reference": "Device/d1/_history/1"}), "Device/d1"),
    ],
)
async def test_what_others_refer_to_is_not_deleted(strict, p1, patient, fhir, referrer, deleted):
    await strict.put("/fhir/Patient/p2", **fhir(patient | {"id": "p2"}))
    await strict.put("/fhir/Device/d1", **fhir({"resourceType": "Device", "id": "d1"}))
    made = await strict.post("/fhir/Observation", **fhir(referrer))
    refused = await strict.delete(f"/fhir/{deleted}")
    assert refused.status_code == 409
    assert "A resource of the type Observation refers to" in refused.json()["issue"][0]["diagnostics"]
    assert (await strict.get(f"/fhir/{deleted}")).status_code == 200
    await strict.delete(f"/fhir/Observation/{made.json()['id']}")
    assert (await strict.delete(f"/fhir/{deleted}")).status_code == 204


async def test_of_a_write_and_the_deletion_of_its_target_one_is_refused(strict, patient, fhir):
    for number in range(12):
        await strict.put(f"/fhir/Patient/r{number}", **fhir(patient | {"id": f"r{number}"}))
        written, deleted = await asyncio.gather(
            strict.post("/fhir/Observation", **fhir(observation(f"Patient/r{number}"))),
            strict.delete(f"/fhir/Patient/r{number}"),
        )
        assert (written.status_code, deleted.status_code) in {(201, 409), (422, 204)}


async def test_a_target_that_is_not_the_callers_to_see_is_as_good_as_absent(database):
    def nothing_but_observations(type, interaction):
        if type != "Observation":
            raise Forbidden("no scope")
        return EVERYTHING

    here = b'{"resourceType":"Patient"}'
    await create_alone(database, prepare("Patient", here, id="p1", method="PUT"))
    held = HeldToIntegrity(database, nothing_but_observations, "", lambda: None)
    texts = [json.dumps(observation(f"Patient/{id}")).encode() for id in ("p1", "nobody")]
    told = []
    for text in texts:
        with pytest.raises(Unprocessable) as raised:
            await create_alone(held, prepare("Observation", text, id="o1", method="PUT"))
        told.append(str(raised.value).replace("nobody", "p1"))
    assert told[0] == told[1]


async def test_a_referrer_that_is_not_the_callers_to_see_is_not_named(strict, p1, fhir, database):
    def nothing_but_patients(type, interaction):
        if type != "Patient":
            raise Forbidden("no scope")
        return EVERYTHING

    await strict.post("/fhir/Observation", **fhir(observation("Patient/p1")))
    with pytest.raises(Exception, match="A resource refers to Patient/p1"):
        async with HeldToIntegrity(database, nothing_but_patients, "", lambda: None).transaction() as work:
            await work.delete(await work.lock("Patient", "p1"))


def bundle(type, *entries):
    listed = [
        {"request": {"method": method, "url": url}}
        | (
            {"resource": resource, "fullUrl": f"urn:uuid:0b5ee5a2-9a6c-4d2f-8d0c-{number:012}"}
            if resource
            else {}
        )
        for number, (method, url, resource) in enumerate(entries)
    ]
    return {"resourceType": "Bundle", "type": type, "entry": listed}


async def test_a_transaction_is_held_to_it_as_a_whole(strict, p1, patient, fhir):
    urn = "urn:uuid:0b5ee5a2-9a6c-4d2f-8d0c-000000000001"
    together = bundle("transaction", ("POST", "Observation", observation(urn)), ("POST", "Patient", patient))
    assert (await strict.post("/fhir", **fhir(together))).status_code == 200
    await strict.put("/fhir/Observation/o1", **fhir(observation("Patient/p1", id="o1")))
    half = bundle("transaction", ("POST", "Patient", patient), ("DELETE", "Patient/p1", None))
    assert (await strict.post("/fhir", **fhir(half))).status_code == 409
    wrong = bundle(
        "transaction", ("POST", "Patient", patient), ("POST", "Observation", observation("Patient/p9"))
    )
    refused = await strict.post("/fhir", **fhir(wrong))
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (
        422,
        ["Bundle.entry[1].resource.subject"],
    )
    assert len((await strict.get("/fhir/Patient")).json()["entry"]) == 2
    both = bundle("transaction", ("DELETE", "Patient/p1", None), ("DELETE", "Observation/o1", None))
    assert (await strict.post("/fhir", **fhir(both))).status_code == 200


async def test_the_entries_of_a_batch_are_held_to_it_each_alone(strict, p1, fhir):
    entries = [("POST", "Observation", observation(f"Patient/{id}")) for id in ("p1", "p9", "p1")]
    answer = (await strict.post("/fhir", **fhir(bundle("batch", *entries)))).json()
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "422", "201"]
