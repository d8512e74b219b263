import asyncio

import pytest

IDENTIFIER = {"identifier": [{"system": "urn:mrn", "value": "1"}]}


@pytest.fixture
def known(patient):
    return patient | IDENTIFIER


def with_condition(request, condition):
    request["headers"]["If-None-Exist"] = condition
    return request


async def test_64_clients_racing_the_same_condition_make_one_resource(client, known, fhir):
    request = with_condition(fhir(known), "identifier=urn:mrn|1")
    answers = await asyncio.gather(*(client.post("/fhir/Patient", **request) for _ in range(64)))
    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "condition", ["identifier=urn:mrn|1", "?identifier=urn:mrn%7C1", "Patient?identifier=urn:mrn|1"]
)
async def test_a_match_is_given_back_as_it_is(client, known, fhir, condition):
    first = await client.post("/fhir/Patient", **fhir(known))
    again = await client.post("/fhir/Patient", **with_condition(fhir(known | {"active": False}), condition))
    assert again.status_code == 200
    assert again.json() == (await client.get(f"/fhir/Patient/{first.json()['id']}")).json()
    assert again.headers["location"] == first.headers["location"]


async def test_several_matches_are_a_failed_precondition(client, known, fhir):
    for _ in range(2):
        await client.post("/fhir/Patient", **fhir(known))
    query = "/fhir/Patient?identifier=urn:mrn|1"
    create = await client.post("/fhir/Patient", **with_condition(fhir(known), "identifier=urn:mrn|1"))
    update, delete = await client.put(query, **fhir(known)), await client.delete(query)
    assert [answer.status_code for answer in (create, update, delete)] == [412, 412, 412]


@pytest.mark.parametrize(
    "condition", ["", "?", "nonsense=1", "_count=1", "Observation?identifier=1", "identifier=%ZZ"]
)
async def test_a_condition_that_cannot_be_met_is_refused(client, known, fhir, condition):
    answer = await client.post("/fhir/Patient", **with_condition(fhir(known), condition))
    assert answer.status_code == 400


async def test_an_unknown_condition_is_refused_even_in_leniency(client, known, fhir):
    request = with_condition(fhir(known), "nonsense=1&identifier=urn:mrn|1")
    request["headers"]["Prefer"] = "handling=lenient"
    assert (await client.post("/fhir/Patient", **request)).status_code == 400


async def test_a_conditional_update_makes_then_changes(client, known, fhir):
    query = "/fhir/Patient?identifier=urn:mrn|1"
    first = await client.put(query, **fhir(known))
    second = await client.put(query, **fhir(known | {"active": False}))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["active"] is False


async def test_a_conditional_update_may_bring_a_new_id_but_not_another_one(client, known, fhir):
    query = "/fhir/Patient?identifier=urn:mrn|1"
    made = await client.put(query, **fhir(known | {"id": "p1"}))
    other = await client.put(query, **fhir(known | {"id": "p2"}))
    assert (made.status_code, made.json()["id"]) == (201, "p1")
    assert other.status_code == 400


async def test_leak_15_a_conditional_update_without_a_match_never_overwrites(client, known, patient, fhir):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    answer = await client.put("/fhir/Patient?identifier=urn:mrn|1", **fhir(known | {"id": "p1"}))
    assert answer.status_code == 412
    assert "identifier" not in (await client.get("/fhir/Patient/p1")).json()


async def test_a_conditional_delete_ends_the_one_match(client, known, fhir):
    query = "/fhir/Patient?identifier=urn:mrn|1"
    made = await client.put(query, **fhir(known))
    assert (await client.delete(query)).status_code == 204
    assert (await client.get(f"/fhir/Patient/{made.json()['id']}")).status_code == 410
    assert (await client.delete(query)).status_code == 204


@pytest.mark.parametrize("method", ["put", "delete"])
async def test_a_conditional_write_without_a_condition_is_refused(client, known, fhir, method):
    answer = await client.request(method, "/fhir/Patient?_format=json", **fhir(known))
    assert answer.status_code == 400
