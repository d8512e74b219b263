import asyncio
import json
import re

import pytest


async def test_a_create_answers_201_with_where_it_is(client, patient, fhir):
    answer = await client.post("/fhir/Patient", **fhir(patient | {"id": "mine"}))
    created = answer.json()
    assert answer.status_code == 201
    assert created["id"] != "mine"
    assert answer.headers["location"] == f"http://server.example/fhir/Patient/{created['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert (await client.get(answer.headers["location"])).json() == created


async def test_the_other_members_of_meta_survive(client, patient, fhir):
    meta = {"versionId": "77", "tag": [{"code": "t"}], "profile": ["http://example.org/p"]}
    created = (await client.post("/fhir/Patient", **fhir(patient | {"meta": meta}))).json()
    assert created["meta"]["versionId"] == "1"
    assert created["meta"]["tag"] == [{"code": "t"}]
    assert created["meta"]["profile"] == ["http://example.org/p"]


async def test_an_update_makes_the_next_version(client, patient, fhir):
    first = await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    second = await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1", "active": False}))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["etag"] == 'W/"2"'
    assert second.json()["meta"]["lastUpdated"] > first.json()["meta"]["lastUpdated"]


@pytest.mark.parametrize(
    ("preference", "check"),
    [
        ("return=minimal", lambda body: body == b""),
        ("return=representation", lambda body: json.loads(body)["resourceType"] == "Patient"),
        ("return=OperationOutcome", lambda body: json.loads(body)["issue"][0]["severity"] == "information"),
        ("respond-async, RETURN=minimal", lambda body: body == b""),
        ("return=nonsense", lambda body: json.loads(body)["resourceType"] == "Patient"),
    ],
)
async def test_a_write_gives_back_what_the_client_prefers(client, patient, fhir, preference, check):
    request = fhir(patient)
    request["headers"]["Prefer"] = preference
    answer = await client.post("/fhir/Patient", **request)
    assert answer.status_code == 201
    assert check(answer.content)
    assert "location" in answer.headers


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ('W/"1"', 200),
        ('"1"', 200),
        ("*", 200),
        ('W/"2"', 412),
        ('W/"0", W/"1"', 200),
        ("1", 400),
        ("W/1", 400),
        ("", 400),
    ],
)
async def test_if_match_guards_an_update(client, patient, fhir, if_match, status):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    request = fhir(patient | {"id": "p1", "active": False})
    request["headers"]["If-Match"] = if_match
    answer = await client.put("/fhir/Patient/p1", **request)
    assert answer.status_code == status
    assert (await client.get("/fhir/Patient/p1")).json()["active"] is (status != 200)


async def test_if_match_on_what_is_not_there_fails(client, patient, fhir):
    request = fhir(patient | {"id": "p9"})
    request["headers"]["If-Match"] = 'W/"1"'
    assert (await client.put("/fhir/Patient/p9", **request)).status_code == 412
    assert (await client.get("/fhir/Patient/p9")).status_code == 404


async def test_if_none_match_star_only_makes_new_resources(client, patient, fhir):
    request = fhir(patient | {"id": "p1"})
    request["headers"]["If-None-Match"] = "*"
    assert (await client.put("/fhir/Patient/p1", **request)).status_code == 201
    assert (await client.put("/fhir/Patient/p1", **request)).status_code == 412


async def test_of_concurrent_updates_with_if_match_exactly_one_wins(client, patient, fhir):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    request = fhir(patient | {"id": "p1", "active": False})
    request["headers"]["If-Match"] = 'W/"1"'
    answers = await asyncio.gather(*(client.put("/fhir/Patient/p1", **request) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19


async def test_concurrent_first_updates_leave_every_version_in_a_row(client, patient, fhir):
    request = fhir(patient | {"id": "p1"})
    answers = await asyncio.gather(*(client.put("/fhir/Patient/p1", **request) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert {answer.headers["etag"] for answer in answers} == {f'W/"{number}"' for number in range(1, 11)}


async def test_a_delete_is_idempotent(client, patient, fhir):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    first, again = await client.delete("/fhir/Patient/p1"), await client.delete("/fhir/Patient/p1")
    never = await client.delete("/fhir/Patient/never")
    assert [answer.status_code for answer in (first, again, never)] == [204, 204, 204]
    assert first.headers["etag"] == again.headers["etag"] == 'W/"2"'


async def test_a_stale_delete_is_refused(client, patient, fhir):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    answer = await client.delete("/fhir/Patient/p1", headers={"If-Match": 'W/"3"'})
    assert answer.status_code == 412
    assert (await client.get("/fhir/Patient/p1")).status_code == 200


async def test_an_update_brings_a_deleted_resource_back(client, patient, fhir):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    await client.delete("/fhir/Patient/p1")
    back = await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')
    assert (await client.get("/fhir/Patient/p1")).status_code == 200


@pytest.mark.parametrize(
    ("path", "changes", "status", "expression"),
    [
        ("/fhir/Patient/p1", {"id": "p2"}, 400, "Patient.id"),
        ("/fhir/Patient/p1", {}, 400, "Patient.id"),
        ("/fhir/Patient/p_1", {"id": "p_1"}, 400, "Patient.id"),
        (f"/fhir/Patient/{'x' * 65}", {"id": "x" * 65}, 400, "Patient.id"),
        ("/fhir/Observation/p1", {"id": "p1"}, 400, "Observation.resourceType"),
        ("/fhir/Patient/p1", {"id": "p1", "active": "yes"}, 400, "Patient.active"),
        ("/fhir/Patient/p1", {"id": "p1", "shoeSize": 43}, 400, "Patient.shoeSize"),
    ],
)
async def test_what_cannot_be_stored_is_refused_by_its_element(
    client, patient, fhir, path, changes, status, expression
):
    answer = await client.put(path, **fhir(patient | changes))
    assert answer.status_code == status
    assert answer.json()["issue"][0]["expression"] == [expression]


async def test_ids_of_the_server_are_ordered_in_time(client, patient, fhir):
    ids = [(await client.post("/fhir/Patient", **fhir(patient))).json()["id"] for _ in range(5)]
    assert ids == sorted(ids)
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id) for id in ids
    )
