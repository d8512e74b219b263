"""Nothing is done, and nothing told, when the audit cannot be written: on every way in, with 503, whatever it is that is wrong."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from smart_auth.clients import Client
from smart_auth.grants import Access
from smart_auth.tokens import sha256

FHIR = {"Content-Type": "application/fhir+json"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"app:secret").decode()}
WRONG = {
    "table": "ALTER TABLE audit RENAME TO audit_elsewhere",
    "trigger": "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
    "CREATE TRIGGER refused BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()",
}

SLOW = WRONG["trigger"].replace("'no'", "'no' USING ERRCODE = 'query_canceled'")


def execute(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement)


def tree(type="Observation", **more):
    found = {"resourceType": type, "status": "final", "code": {"text": "x"}}
    return found | {"subject": {"reference": "Patient/p1"}} | more


def bundle(type, *methods):
    entries = [
        {"resource": tree(), "request": {"method": "POST", "url": "Observation"}}
        if method == "POST"
        else {"request": {"method": method, "url": "Observation?code=x"}}
        for method in methods
    ]
    return {"resourceType": "Bundle", "type": type, "entry": entries}


@pytest.fixture
async def database(database_url):
    opened = Database(database_url, size=1)
    await opened.open()
    await Clients(opened).add(
        Client("app", "App", "client_secret_basic", ("user/*.rs",), secrets=(sha256("secret"),))
    )
    yield opened
    await opened.close()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("wrong", WRONG)
async def test_every_way_in_answers_503_and_does_nothing(client, database_url, wrong):
    made = (await client.post("/fhir/Observation", content=json.dumps(tree()), headers=FHIR)).json()["id"]
    await asyncio.to_thread(execute, database_url, WRONG[wrong])

    def sent(method, path, body):
        return client.request(method, path, content=json.dumps(body), headers=FHIR)

    asked = {
        "create": sent("POST", "/fhir/Observation", tree()),
        "conditional create": client.post(
            "/fhir/Observation", content=json.dumps(tree()), headers=FHIR | {"If-None-Exist": "code=nothing"}
        ),
        "update": sent("PUT", f"/fhir/Observation/{made}", tree(id=made)),
        "transaction": sent("POST", "/fhir", bundle("transaction", "POST", "GET")),
        "batch": sent("POST", "/fhir", bundle("batch", "POST", "GET")),
        "search": client.get("/fhir/Observation"),
        "operation": client.get("/fhir/Observation/$lastn?patient=p1"),
        "relabel": sent(
            "POST",
            f"/fhir/Observation/{made}/$meta-add",
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "t"}]}}],
            },
        ),
        "refused": client.get("/fhir/Observation/none"),
        "api": client.get("/api/users"),
        "token": client.post("/oauth/token", data={"grant_type": "authorization_code"}, headers=BASIC),
        "introspect": client.post("/oauth/introspect", data={"token": "x"}, headers=BASIC),
        "page": client.get("/oauth/authorize?client_id=nobody"),
    }
    answers = {name: await answer for name, answer in asked.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(asked, 503)
    assert all("retry-after" in answer.headers for answer in answers.values())
    found = await asyncio.to_thread(count, database_url)
    assert found == (1, 1)


async def test_an_audit_that_takes_too_long_is_one_that_cannot_be_kept(client, database_url):
    await asyncio.to_thread(execute, database_url, SLOW)
    for path in ("Observation/none", "Observation"):
        answer = await client.get(f"/fhir/{path}")
        assert (answer.status_code, "The audit" in answer.text) == (503, True)


async def test_a_create_that_the_database_takes_too_long_for_may_come_again_and_not_as_less(
    client, database_url
):
    await asyncio.to_thread(execute, database_url, SLOW.replace("ON audit", "ON resource"))
    answer = await client.post("/fhir/Observation", content=json.dumps(tree()), headers=FHIR)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "transient")
    assert "retry-after" in answer.headers


def count(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*), max(version) FROM resource").fetchone()


@pytest.mark.item("smart-V1")
async def test_what_was_revoked_has_ended_though_the_answer_is_503_and_says_so(
    client, database, database_url
):
    now = datetime.now(UTC)
    await Grants(database).issue(
        Access(sha256("t"), "app", ("user/*.rs",), now, now + timedelta(minutes=1)), now
    )
    await asyncio.to_thread(execute, database_url, WRONG["table"])
    answer = await client.post("/oauth/revoke", data={"token": "t"}, headers=BASIC)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "has ended" in answer.json()["error_description"]
    assert await Grants(database).access(sha256("t"), now) is None
    await asyncio.to_thread(execute, database_url, "ALTER TABLE audit_elsewhere RENAME TO audit")
    assert (await client.post("/oauth/revoke", data={"token": "t"}, headers=BASIC)).status_code == 200
