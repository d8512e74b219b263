import asyncio
import json

import psycopg
import pytest

from fhir_server.errors import Forbidden
from fhir_server.operations import reindexing
from fhir_server.search.access import predicate
from fhir_server.store import jobs
from smart_auth.principal import Principal

BODY = {"headers": {"Content-Type": "application/fhir+json"}}


def values(answer):
    return {
        one["name"]: one.get(next((key for key in one if key.startswith("value")), ""))
        for one in answer.json()["parameter"]
    }


async def ended(client, where):
    for _ in range(400):
        answer = await client.get(where)
        if answer.status_code != 202:
            return answer
        assert "x-progress" in answer.headers
        await asyncio.sleep(0.02)
    raise AssertionError("the job does not end")


async def test_a_reindex_is_answered_at_once_and_tells_how_far_it_is(client, patient, fhir, database_url):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE resource SET tokens = '{}'")
    assert "entry" not in (await client.get("/fhir/Patient?active=true")).json()
    answer = await client.post("/fhir/$reindex")
    assert answer.status_code == 202
    told = await ended(client, answer.headers["content-location"])
    assert told.status_code == 200
    assert {"state": "finished", "done": 1, "total": 1, "failed": 0}.items() <= values(told).items()
    assert len((await client.get("/fhir/Patient?active=true")).json()["entry"]) == 1
    assert (await client.get("/fhir/Patient/p1")).headers["etag"] == 'W/"1"'


async def test_a_reindex_of_some_types_is_asked_by_parameters(client):
    tree = {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": "Basic"}]}
    answer = await client.post("/fhir/$reindex", content=json.dumps(tree), **BODY)
    assert answer.status_code == 202
    assert values(await ended(client, answer.headers["content-location"]))["state"] == "finished"
    bad = {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": "Foo"}]}
    refused = await client.post("/fhir/$reindex", content=json.dumps(bad), **BODY)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (400, ["type"])


async def test_a_job_that_is_not_known_or_was_cancelled_is_not_found(client, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO job (id, kind, state, asked_by, parameters) VALUES ('j1', 'other', 'queued', 'x', '{}')"
        )
    queued = await client.get("/fhir/_job/j1")
    assert (queued.status_code, queued.headers["x-progress"]) == (202, "queued")
    assert (await client.delete("/fhir/_job/j1")).status_code == 202
    for answer in (
        await client.get("/fhir/_job/j1"),
        await client.delete("/fhir/_job/j1"),
        await client.get("/fhir/_job/j2"),
    ):
        assert answer.status_code == 404


async def test_a_job_that_has_ended_cannot_be_ended_again_and_stays(client):
    where = (await client.post("/fhir/$reindex")).headers["content-location"]
    await ended(client, where)
    refused = await client.delete(where)
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (409, "conflict")
    assert "has finished" in refused.json()["issue"][0]["diagnostics"]
    assert (await client.get(where)).status_code == 200


def test_no_scope_makes_an_administrator():
    with pytest.raises(Forbidden):
        predicate(Principal("someone", frozenset({"system/*.cruds"})), None, "administer")
    predicate(Principal("someone", frozenset(), administrator=True), None, "administer")


async def reindexing_by_a_process_that_hangs(url):
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await reindexing.ask_after_upgrade(connection, "http://server.example/fhir")
        await jobs.claim(connection, "another process", kinds=[reindexing.KIND])
        await connection.execute("UPDATE job SET lease_until = clock_timestamp() + interval '1 hour'")


async def test_after_an_upgrade_searches_say_what_they_cannot_know_until_the_index_is_whole(
    serving, database_url, patient, fhir
):
    async with serving() as client:
        await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE search_index SET version = 1")
        connection.execute("UPDATE resource SET tokens = '{}'")
        await reindexing_by_a_process_that_hangs(database_url)
    async with serving(reference_integrity="on") as client:
        first = (await client.get("/fhir/Patient?active=true")).json()["entry"]
        assert [entry["search"]["mode"] for entry in first] == ["outcome"]
        blind = [
            await client.put("/fhir/Patient?active=true", **fhir(patient)),
            await client.get("/fhir/Patient/p1/$everything"),
            await client.delete("/fhir/Patient/p1"),
        ]
        assert [(answer.status_code, answer.headers["retry-after"]) for answer in blind] == [(503, "60")] * 3
        assert "index" in first[0]["resource"]["issue"][0]["diagnostics"]
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE job SET lease_until = clock_timestamp()")
        for _ in range(400):
            entries = (await client.get("/fhir/Patient?active=true")).json()["entry"]
            if [entry["search"]["mode"] for entry in entries] == ["match"]:
                break
            await asyncio.sleep(0.02)
        assert [entry["search"]["mode"] for entry in entries] == ["match"]
        assert "fhir_search_index_stale 0.0" in (await client.get("/metrics")).text
