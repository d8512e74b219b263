"""The live view over server-sent events and WebSockets, with real clients of a real server."""

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fhir_server.app import create_app
from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from smart_auth.clients import Client
from smart_auth.grants import Access
from smart_auth.tokens import sha256
from tests.integration.rest.conftest import TOKEN, settings
from tests.integration.rest.streams.served import served

WITHIN = 20
MOST = 3
EVERYTHING = ("system/*.cruds",)


@pytest.fixture(scope="module")
def base(cloned):
    with cloned() as url, served(create_app(settings(url, max_streams_each=MOST))) as base:
        yield base, url


@pytest.fixture
def url(base):
    return base[1]


@pytest.fixture
async def operator(base):
    async with caller(base, TOKEN) as client:
        yield client


@pytest.fixture
async def patient(operator):
    made = await operator.post("/fhir/Patient", json={"resourceType": "Patient"})
    return made.json()["id"]


@pytest.fixture
def token(base):
    """An access token of a new service with the scopes."""

    async def issue(*scopes):
        database = Database(base[1])
        await database.open()
        try:
            id, text, now = secrets.token_hex(4), f"fhir-at-{secrets.token_hex(8)}", datetime.now(UTC)
            given = scopes or EVERYTHING
            await Clients(database).add(Client(id, id, "private_key_jwt", given, backend=True))
            await Grants(database).issue(Access(sha256(text), id, given, now, now + timedelta(hours=1)), now)
        finally:
            await database.close()
        return text

    return issue


def caller(base, token):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    return httpx.AsyncClient(base_url=base[0], headers=headers, timeout=WITHIN)


class Events:
    """What comes of a stream of events, one after the other."""

    def __init__(self, response):
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self):
        """The next event: its name and what it says; None at the end."""
        name, said = "", None
        async with asyncio.timeout(WITHIN):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                match field:
                    case "id":
                        self.last_id = value
                    case "event":
                        name = value
                    case "data":
                        said = json.loads(value)
                    case "" if said is not None:
                        return name, said
        return None

    async def of(self, name):
        """What the next event of that name says."""
        while (found := await self.next()) is not None:
            if found[0] == name:
                return found[1]
        raise AssertionError(f"ended without {name}")


@asynccontextmanager
async def watching(base, token, patient, **headers):
    async with (
        caller(base, token) as client,
        client.stream("GET", f"/live/patients/{patient}", headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Events(response)


def observation(patient, value=70, category="vital-signs", **others):
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "valueQuantity": {"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        **others,
    }  # fmt: skip


async def write(operator, tree):
    if "id" in tree:
        answer = await operator.put(f"/fhir/Observation/{tree['id']}", json=tree)
    else:
        answer = await operator.post("/fhir/Observation", json=tree)
    assert answer.is_success, answer.text
    return answer.json()


async def test_an_observation_is_told_when_it_is_created_amended_and_deleted(
    base, operator, patient, token
) -> None:
    async with watching(base, await token(), patient) as events:
        made = await write(operator, observation(patient, 1.10))
        created = await events.of("observation")
        await write(operator, {**made, "status": "amended"})
        amended = await events.of("observation")
        await operator.delete(f"/fhir/Observation/{made['id']}")
        deleted = await events.of("observation")

    assert created == {"change": "created", "observation": made}
    assert (amended["change"], amended["observation"]["status"]) == ("amended", "amended")
    assert deleted == {"change": "deleted", "reference": f"Observation/{made['id']}"}


async def test_only_what_the_scopes_show_is_told(base, operator, patient, token) -> None:
    narrow = await token("system/Patient.rs", "system/Observation.rs?category=laboratory")
    async with watching(base, narrow, patient) as events:
        await write(operator, observation(patient))
        shown = await write(operator, observation(patient, category="laboratory"))

        assert (await events.of("observation"))["observation"]["id"] == shown["id"]


async def test_an_observation_that_moves_to_another_patient_is_told_as_removed_to_those_who_saw_it_alone(
    base, operator, patient, token
) -> None:
    other = (await operator.post("/fhir/Patient", json={"resourceType": "Patient"})).json()["id"]
    narrow = await token("system/Patient.rs", "system/Observation.rs?category=laboratory")
    async with (
        watching(base, await token(), patient) as before,
        watching(base, await token(), other) as after,
        watching(base, narrow, patient) as without,
    ):
        made = await write(operator, observation(patient))
        await before.of("observation")
        await write(operator, {**made, "subject": {"reference": f"Patient/{other}"}})
        last = await write(operator, observation(patient, category="laboratory"))

        assert await before.of("observation") == {
            "change": "removed",
            "reference": f"Observation/{made['id']}",
        }
        moved = await after.of("observation")
        assert (moved["change"], moved["observation"]["id"]) == ("amended", made["id"])
        assert (await without.of("observation"))["observation"]["id"] == last["id"]


@pytest.mark.item("leak-12")
async def test_after_its_token_was_revoked_a_stream_is_told_nothing_more(
    base, operator, patient, token, url
) -> None:
    text = await token()
    async with watching(base, text, patient) as events:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DELETE FROM oauth_access WHERE sha256 = %s", (sha256(text),))
        await write(operator, observation(patient))

        assert await events.next() == ("end", {"reason": "token"})
        assert await events.next() is None


async def test_a_stream_on_which_nothing_happens_ends_when_its_token_is_revoked(
    base, patient, token, url
) -> None:
    text = await token()
    async with watching(base, text, patient) as events:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "UPDATE oauth_access SET expires_at = now() WHERE sha256 = %s", (sha256(text),)
            )

        assert await events.next() == ("end", {"reason": "token"})


async def test_a_stream_ends_when_its_patient_is_deleted(base, operator, patient, token) -> None:
    async with watching(base, await token(), patient) as events:
        await operator.delete(f"/fhir/Patient/{patient}")

        assert await events.next() == ("end", {"reason": "patient"})


async def test_who_may_not_see_the_patient_or_observations_watches_nothing(base, patient, token) -> None:
    for scopes, id, status in (
        (("system/Observation.rs",), patient, 403),
        (("system/Patient.rs",), patient, 403),
        (("system/Patient.rs?gender=female", "system/Observation.rs"), patient, 404),
        (EVERYTHING, "nobody", 404),
    ):
        async with caller(base, await token(*scopes)) as client:
            assert (await client.get(f"/live/patients/{id}")).status_code == status
    async with caller(base, "unknown") as client:
        assert (await client.get(f"/live/patients/{patient}")).status_code == 401
        assert (await client.get(f"/live/patients/{patient}?access_token={TOKEN}")).status_code == 401


async def test_a_client_that_comes_back_is_told_what_it_missed_and_nothing_twice(
    base, operator, patient, token
) -> None:
    text = await token()
    async with watching(base, text, patient) as events:
        await write(operator, observation(patient, 1))
        await events.of("observation")
        position = events.last_id
    missed = [await write(operator, observation(patient, value)) for value in (2, 3)]

    async with watching(base, text, patient, **{"Last-Event-ID": position}) as events:
        told = [(await events.of("observation"))["observation"] for _ in missed]
        assert told == missed
        last = await write(operator, observation(patient, 4))
        assert (await events.of("observation"))["observation"] == last


async def test_a_client_that_comes_back_from_nowhere_is_told_how_to_search_for_what_it_missed(
    base, operator, patient, token
) -> None:
    made = await write(operator, observation(patient))
    async with watching(base, await token(), patient, **{"Last-Event-ID": "long ago"}) as events:
        search = (await events.of("missed"))["search"]

    found = await operator.get(search)
    assert [entry["resource"]["id"] for entry in found.json()["entry"]] == [made["id"]]


async def test_the_devices_of_a_patient_are_told_at_the_start_and_when_one_falls_silent(
    base, operator, patient, token, url
) -> None:
    registered = await operator.post(
        "/api/devices",
        json={"device_id": "ward-1", "type": "pulse-oximeter", "patient": f"Patient/{patient}"},
        headers={"Content-Type": "application/json"},
    )
    assert registered.status_code == 201, registered.text
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE device SET last_seen_at = now() WHERE name = 'ward-1'")
        async with watching(base, await token(), patient) as events:
            first = await events.of("device")
            connection.execute(
                "UPDATE device SET last_seen_at = now() - interval '1 hour' WHERE name = 'ward-1'"
            )
            second = await events.of("device")
    narrow = await token("system/Patient.rs", "system/Observation.rs")
    async with watching(base, narrow, patient) as events:
        await write(operator, observation(patient))
        assert (await events.next())[0] == "observation"

    assert (first["device_id"], first["connection"], second["connection"]) == (
        "ward-1",
        "connected",
        "silent",
    )


async def test_a_caller_has_no_more_streams_than_are_allowed(base, patient, token) -> None:
    text = await token()
    async with watching(base, text, patient), watching(base, text, patient), watching(base, text, patient):
        async with caller(base, text) as client:
            answer = await client.get(f"/live/patients/{patient}")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        async with watching(base, await token(), patient):
            pass


async def test_that_a_stream_began_and_ended_is_recorded(base, operator, patient, token) -> None:
    async with watching(base, await token(), patient):
        pass

    async def names():
        found = await operator.get(f"/fhir/AuditEvent?entity=Patient/{patient}&_count=10")
        codes = [
            subtype["code"]
            for entry in found.json().get("entry", [])
            for subtype in entry["resource"]["subtype"]
        ]
        return {code for code in codes if "live" in code}

    async with asyncio.timeout(WITHIN):
        while len(await names()) < 2:  # noqa: ASYNC110 - it is the server that records
            await asyncio.sleep(0.1)
    assert await names() == {"GET /live/patients/{id}", "GET /live/patients/{id} ended"}


def socket(base, patient, **headers):
    address = base[0].replace("http", "ws", 1)
    return connect(f"{address}/ws/patients/{patient}", additional_headers=headers, open_timeout=WITHIN)


async def heard(websocket):
    async with asyncio.timeout(WITHIN):
        return json.loads(await websocket.recv())


async def test_a_page_sends_its_token_first_and_is_told_over_the_websocket(
    base, operator, patient, token
) -> None:
    async with socket(base, patient) as websocket:
        await websocket.send(json.dumps({"type": "authorize", "token": await token()}))
        await asyncio.sleep(0.2)
        made = await write(operator, observation(patient))
        told = await heard(websocket)
        position = told.pop("id")

    assert told == {"event": "observation", "change": "created", "observation": made}
    missed = await write(operator, observation(patient, 71))
    async with socket(base, patient) as websocket:
        asked = {"type": "authorize", "token": await token(), "position": position}
        await websocket.send(json.dumps(asked))
        assert (await heard(websocket))["observation"] == missed


async def test_a_websocket_without_a_token_that_holds_is_closed_and_told_why(base, patient, token) -> None:
    for message, code in (
        ({"type": "authorize", "token": "fhir-at-unknown"}, "login"),
        ({"type": "hello"}, "invalid"),
        ({"type": "authorize", "token": await token(), "position": 5}, "invalid"),
        ({"type": "authorize", "token": await token(), "lastEventId": "x"}, "invalid"),
        ({"type": "authorize", "token": await token("system/Patient.rs")}, "forbidden"),
    ):
        async with socket(base, patient) as websocket:
            await websocket.send(json.dumps(message))
            refused = await heard(websocket)
            with pytest.raises(ConnectionClosed) as closed:
                await heard(websocket)
        assert (refused["event"], refused["outcome"]["issue"][0]["code"]) == ("refused", code)
        assert closed.value.rcvd.code == 1008
    with pytest.raises(InvalidStatus) as answer:
        async with socket(base, patient, Authorization="Bearer fhir-at-unknown"):
            pass
    assert answer.value.response.status_code == 401


async def test_a_websocket_goes_on_under_a_new_token_of_the_same_caller_and_ends_with_the_last(
    base, operator, patient, token, url
) -> None:
    first, second, foreign = await token(), f"fhir-at-{secrets.token_hex(8)}", await token()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO oauth_access (sha256, client, scopes, issued_at, expires_at) "
            "SELECT %s, client, scopes, issued_at, expires_at FROM oauth_access WHERE sha256 = %s",
            (sha256(second), sha256(first)),
        )
        async with socket(base, patient, Authorization=f"Bearer {first}") as websocket:
            await websocket.send(json.dumps({"type": "authorize", "token": second}))
            await asyncio.sleep(0.2)
            connection.execute("DELETE FROM oauth_access WHERE sha256 = %s", (sha256(first),))
            made = await write(operator, observation(patient))
            assert (await heard(websocket))["observation"] == made
            await websocket.send(json.dumps({"type": "authorize", "token": foreign}))
            assert (await heard(websocket))["event"] == "refused"


async def test_a_page_of_another_origin_opens_no_websocket(base, patient, token) -> None:
    text = await token()
    with pytest.raises(InvalidStatus) as answer:
        async with socket(base, patient, Authorization=f"Bearer {text}", Origin="https://evil.example"):
            pass
    assert answer.value.response.status_code == 403
    async with socket(base, patient, Authorization=f"Bearer {text}", Origin=base[0]):
        pass


async def test_streams_are_not_counted_as_requests_being_served(base, operator, patient, token) -> None:
    async with watching(base, await token(), patient) as events:
        await write(operator, observation(patient))
        await events.of("observation")
        lines = (await operator.get("/metrics")).text.splitlines()

    assert 'fhir_streams_open{kind="live-sse"} 1.0' in lines
    assert "fhir_http_requests_active 0.0" in lines
