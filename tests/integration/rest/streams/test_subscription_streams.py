"""Events of subscriptions over Server-Sent Events and WebSockets, with real clients of a real server."""

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
from fhir_server.rest.streams import subscription_socket
from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from fhir_server.validation.structure import check
from smart_auth.clients import Client
from smart_auth.grants import Access
from smart_auth.tokens import sha256
from tests.integration.rest.conftest import settings
from tests.integration.rest.streams.served import served

PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
WITHIN = 20
SCOPES = ("system/Subscription.cruds", "system/Basic.cruds")


@pytest.fixture(scope="module")
def base(cloned):
    with cloned() as url, served(create_app(settings(url))) as base:
        yield base, url


@pytest.fixture
def token(base):
    """An access token of a new service with the scopes."""

    async def issue(scopes=SCOPES, minutes=60):
        database = Database(base[1])
        await database.open()
        try:
            id, text, now = secrets.token_hex(4), f"fhir-at-{secrets.token_hex(8)}", datetime.now(UTC)
            await Clients(database).add(Client(id, id, "private_key_jwt", scopes, backend=True))
            access = Access(sha256(text), id, scopes, now, now + timedelta(minutes=minutes))
            await Grants(database).issue(access, now)
        finally:
            await database.close()
        return text

    return issue


@asynccontextmanager
async def caller(base, token):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    async with httpx.AsyncClient(base_url=f"{base[0]}/fhir", headers=headers, timeout=WITHIN) as client:
        client.token = token
        yield client


async def subscribed(client, code="a", channel="sse", content="id-only", criteria=None, **more):
    """The id of a Subscription to Basics of the code."""
    tree = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "test",
        "criteria": criteria or "urn:fhir-server:topic:Basic-created",
        "channel": {"type": channel, **more},
    }
    if criteria is None:
        tree["channel"]["payload"] = "application/fhir+json"
        tree["_criteria"] = {
            "extension": [{"url": f"{PROFILES}/backport-filter-criteria", "valueString": f"code={code}"}]
        }
        tree["channel"]["_payload"] = {
            "extension": [{"url": f"{PROFILES}/backport-payload-content", "valueCode": content}]
        }
    if channel == "sse":
        coding = {"system": "urn:fhir-server:code-system:channel-type", "code": "sse"}
        tree["channel"]["_type"] = {
            "extension": [{"url": f"{PROFILES}/backport-channel-type", "valueCoding": coding}]
        }
        tree["channel"]["type"] = "message"
    answer = await client.post("/Subscription", content=json.dumps(tree))
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "active"
    return answer.json()["id"]


async def happens(client, *codes):
    """Basics of the codes, in this order; their ids."""
    ids = []
    for code in codes:
        basic = {"resourceType": "Basic", "code": {"coding": [{"system": "urn:x", "code": code}]}}
        answer = await client.post("/Basic", content=json.dumps(basic))
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    return ids


class Events:
    """What comes over a stream of Server-Sent Events, one at a time."""

    def __init__(self, answer):
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self):
        """The fields of the next event."""
        found = {}
        async with asyncio.timeout(WITHIN):
            async for line in self._lines:
                if not line and found.keys() & {"data", "event"}:
                    return found
                name, _, value = line.partition(":")
                if name:
                    found[name] = value.removeprefix(" ")
        raise EOFError


@asynccontextmanager
async def streaming(client, id, query="", **headers):
    path = f"/Subscription/{id}/$events-stream{query}"
    async with client.stream("GET", path, headers={"Accept": "text/event-stream", **headers}) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield Events(answer)


def state(bundle):
    """What the first entry of a notification says: the values by name, and the numbers of the events."""
    check("Bundle", json.dumps(bundle).encode())
    parameters = bundle["entry"][0]["resource"]["parameter"]
    values = {one["name"]: next(iter(set(one) - {"name"})) for one in parameters}
    told = {one["name"]: one.get(values[one["name"]]) for one in parameters if "part" not in one}
    numbers = [int(one["part"][0]["valueString"]) for one in parameters if "part" in one]
    return told, numbers


@pytest.mark.item("sub-G7")
async def test_events_come_under_their_numbers_as_they_happen_and_go_on_where_a_client_was(base, token):
    async with caller(base, await token()) as client:
        id = await subscribed(client)
        async with streaming(client, id) as events:
            assert events.answer.headers["content-type"].startswith("text/event-stream")
            greeting = await events.next()
            assert (greeting["event"], greeting["id"]) == ("handshake", "0")
            assert state(json.loads(greeting["data"]))[0]["type"] == "handshake"
            first, _ = await happens(client, "a", "b")
            one = await events.next()
            told, numbers = state(json.loads(one["data"]))
            assert (one["id"], "event" in one, told["type"], numbers) == (
                "1",
                False,
                "event-notification",
                [1],
            )
            assert json.loads(one["data"])["entry"][1]["fullUrl"] == f"{base[0]}/fhir/Basic/{first}"
            await happens(client, "a")
            assert (await events.next())["id"] == "2"
        await happens(client, "a")
        async with streaming(client, id, "?eventsSinceNumber=1", **{"Last-Event-ID": "2"}) as events:
            assert (await events.next())["id"] == "2"
            told, numbers = state(json.loads((await events.next())["data"]))
            assert (told["events-since-subscription-start"], numbers) == ("3", [3])
        async with streaming(client, id, "?eventsSinceNumber=2", **{"Last-Event-ID": ""}) as events:
            assert (await events.next())["id"] == "1"
            assert state(json.loads((await events.next())["data"]))[1] == [2, 3]


@pytest.mark.item("sub-G7")
@pytest.mark.parametrize(
    ("query", "headers", "blamed"),
    [
        ("?eventsSinceNumber=x", {}, "eventsSinceNumber"),
        ("?eventsSinceNumber=9", {}, "eventsSinceNumber"),
        ("?eventsSinceNumber=0&eventsSinceNumber=1", {}, "eventsSinceNumber"),
        ("", {"Last-Event-ID": "7"}, "Last-Event-ID"),
        ("", {"Last-Event-ID": "1.5"}, "Last-Event-ID"),
    ],
)
async def test_a_position_that_there_is_not_is_refused(base, token, query, headers, blamed):
    async with caller(base, await token()) as client:
        id = await subscribed(client)
        answer = await client.get(f"/Subscription/{id}/$events-stream{query}", headers=headers)
        assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, [blamed])
        assert (await client.head(f"/Subscription/{id}/$events-stream")).status_code == 200


@pytest.mark.item("sub-G7")
async def test_events_that_are_kept_no_more_are_told_as_a_gap(base, token):
    async with caller(base, await token()) as client:
        id = await subscribed(client)
        async with streaming(client, id) as events:
            await events.next()
            await happens(client, "a", "a", "a")
            while (await events.next())["id"] != "3":
                pass
        await executed(
            base,
            "DELETE FROM subscription_event e USING subscription s WHERE s.key = e.subscription AND s.id = %s AND e.number < 3",
            id,
        )
        async with streaming(client, id, "?eventsSinceNumber=1") as events:
            await events.next()
            gap = await events.next()
            assert (gap["event"], gap["id"], json.loads(gap["data"])) == ("gap", "2", {"first": 1, "last": 2})
            assert (await events.next())["id"] == "3"


@pytest.mark.item("sub-G7")
@pytest.mark.item("leak-12")
async def test_a_stream_ends_with_its_token_and_with_its_subscription(base, token):
    async with caller(base, await token()) as client:
        first, second = await subscribed(client), await subscribed(client)
        async with streaming(client, first) as ending:
            await ending.next()
            await client.delete(f"/Subscription/{first}")
            assert await ending.next() == {"event": "end", "data": '{"reason":"done"}'}
        async with streaming(client, second) as ending:
            await ending.next()
            await executed(base, "DELETE FROM oauth_access WHERE sha256 = %s", sha256(client.token))
            async with caller(base, await token()) as other:
                await happens(other, "a")
            assert await ending.next() == {"event": "end", "data": '{"reason":"token"}'}


@pytest.mark.item("sub-G6")
@pytest.mark.item("leak-12")
async def test_what_may_no_longer_be_read_goes_without_its_content(base, token):
    async with caller(base, await token()) as client:
        id = await subscribed(client, content="full-resource")
        async with streaming(client, id) as events:
            await events.next()
            (made,) = await happens(client, "a")
            entry = json.loads((await events.next())["data"])["entry"][1]
            assert (entry["resource"]["id"], entry["response"]["status"]) == (made, "201")
        await client.delete(f"/Basic/{made}")
        async with streaming(client, id, "?eventsSinceNumber=1") as events:
            await events.next()
            entry = json.loads((await events.next())["data"])["entry"][1]
            assert ("resource" in entry, entry["response"]["status"]) == (False, "404")


@pytest.mark.item("sub-T6")
async def test_a_heartbeat_comes_where_nothing_happened_for_its_period(base, token):
    period = {"extension": [{"url": f"{PROFILES}/backport-heartbeat-period", "valueUnsignedInt": 1}]}
    async with caller(base, await token()) as client:
        id = await subscribed(client, **period)
        async with streaming(client, id) as events:
            await events.next()
            beat = await events.next()
        assert (beat["event"], state(json.loads(beat["data"]))[0]["type"]) == ("heartbeat", "heartbeat")


async def binding(client, *ids):
    answer = await client.get("/Subscription/$get-ws-binding-token", params={"id": ids})
    found = {one["name"]: one for one in answer.json()["parameter"]}
    return found["token"]["valueString"], found["websocket-url"]["valueUrl"]


async def heard(socket):
    async with asyncio.timeout(WITHIN):
        return await socket.recv()


async def bundle(socket):
    return state(json.loads(await heard(socket)))


@pytest.mark.item("sub-T9")
async def test_a_websocket_is_bound_with_tokens_in_both_forms_and_told_of_each_subscription_in_order(
    base, token
):
    async with caller(base, await token()) as client:
        first, second = [await subscribed(client, code, "websocket") for code in ("a", "b")]
        one, url = await binding(client, first)
        two, _ = await binding(client, second)
        async with connect(url) as socket:
            await socket.send(f"bind-with-token {one}\n")
            told, numbers = await bundle(socket)
            assert (told["type"], told["subscription"]["reference"][-36:], numbers) == (
                "handshake",
                first,
                [],
            )
            await socket.send(json.dumps({"type": "bind-with-token", "payload": {"token": two}}))
            assert (await bundle(socket))[0]["subscription"]["reference"].endswith(second)
            await happens(client, "a", "b", "a", "a")
            found = {first: [], second: []}
            while sum(map(len, found.values())) < 4:
                told, numbers = await bundle(socket)
                found[told["subscription"]["reference"][-36:]] += numbers
            assert found == {first: [1, 2, 3], second: [1]}
            await socket.send('{"type":"ping"}')
            assert await heard(socket) == '{"type":"pong"}'
            await socket.send(json.dumps({"type": "unbind-from-token", "payload": {"token": one}}))
            await socket.send('{"type":"ping"}')
            await heard(socket)
            await happens(client, "a", "b")
            assert (await bundle(socket))[0]["subscription"]["reference"].endswith(second)


@pytest.mark.item("sub-T9")
async def test_a_websocket_is_closed_when_what_bound_it_expires_or_its_owner_may_nothing_more(base, token):
    for ends in ("UPDATE subscription_binding SET expires_at = now() + interval '2 seconds' WHERE sha256 = %s",
                 "UPDATE oauth_client SET disabled_at = now() WHERE %s::bytea IS NOT NULL AND id = %s"):  # fmt: skip
        async with caller(base, await token()) as client:
            id = await subscribed(client, "a", "websocket")
            text, url = await binding(client, id)
            is_expiry = "binding" in ends
            if is_expiry:
                await executed(base, ends, sha256(text))
            async with connect(url) as socket:
                await socket.send(f"bind-with-token {text}")
                assert (await bundle(socket))[0]["type"] == "handshake"
                if not is_expiry:
                    owner = await executed(base, "SELECT owner_key FROM subscription WHERE id = %s", id)
                    await executed(base, ends, b"", owner.partition("|")[0])
                assert json.loads(await heard(socket))["issue"][0]["code"] == "expired"
                with pytest.raises(ConnectionClosed) as closed:
                    await heard(socket)
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "token")


@pytest.mark.item("sub-T9")
async def test_a_websocket_is_told_that_its_subscription_is_off_and_closed(base, token):
    async with caller(base, await token()) as client:
        id = await subscribed(client, "a", "websocket")
        text, url = await binding(client, id)
        async with connect(url) as socket:
            await socket.send(f"bind-with-token {text}")
            await bundle(socket)
            await client.delete(f"/Subscription/{id}")
            told, _ = await bundle(socket)
            assert (told["type"], told["status"]) == ("heartbeat", "off")
            with pytest.raises(ConnectionClosed) as closed:
                await heard(socket)
            assert closed.value.rcvd.code == 1000
            async with connect(url) as again:
                await again.send(f"bind-with-token {text}")
                assert json.loads(await heard(again))["issue"][0]["code"] == "not-found"


@pytest.mark.item("sub-Q2")
async def test_r4_binds_by_id_whoever_proved_who_they_are_and_pings_until_a_token_binds_to_bundles(
    base, token
):
    async with caller(base, await token()) as client, caller(base, await token()) as other:
        id = await subscribed(client, channel="websocket", criteria="Basic?code=r4")
        url = f"{base[0].replace('http', 'ws')}/ws/subscriptions"
        header = {"additional_headers": {"Authorization": f"Bearer {client.token}"}}
        async with connect(url, **header) as socket:
            await socket.send(f"bind {id}")
            assert await heard(socket) == f"bound {id}"
            await happens(client, "x", "r4")
            assert await heard(socket) == f"ping {id}"
            text, _ = await binding(client, id)
            await socket.send(f"bind-with-token {text}")
            assert (await bundle(socket))[0]["type"] == "handshake"
            await happens(client, "r4")
            assert (await bundle(socket))[0]["type"] == "event-notification"
        async with connect(url) as socket:
            await socket.send(f"bind {id}")
            assert json.loads(await heard(socket))["issue"][0]["code"] == "login"
            text, _ = await binding(client, id)
            await socket.send(f"bind-with-token {text}")
            assert (await bundle(socket))[0]["type"] == "handshake"
            await socket.send(f"bind {id}")
            assert await heard(socket) == f"bound {id}"
            await happens(client, "r4")
            assert await heard(socket) == f"ping {id}"
        async with connect(url, additional_headers={"Authorization": f"Bearer {other.token}"}) as socket:
            await socket.send(f"bind {id}")
            assert json.loads(await heard(socket))["issue"][0]["code"] == "not-found"


@pytest.mark.item("sub-T9")
async def test_a_websocket_that_says_what_nobody_understands_is_told_so_and_left_in_the_end(base):
    url = f"{base[0].replace('http', 'ws')}/ws/subscriptions"
    async with connect(url) as socket:
        for said in ("hello", "bind-with-token fhir-wb-x", "{", '{"type":"else"}', "bind x y"):
            await socket.send(said)
            assert json.loads(await heard(socket))["resourceType"] == "OperationOutcome"
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
        assert closed.value.rcvd.reason == "refused"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"Authorization": "Bearer fhir-at-none"})
    assert refused.value.response.status_code == 401


async def test_one_who_binds_to_nothing_is_left_whatever_else_they_say(base, monkeypatch):
    monkeypatch.setattr(subscription_socket, "BIND_SECONDS", 0.5)
    async with connect(f"{base[0].replace('http', 'ws')}/ws/subscriptions") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(100):
                await socket.send('{"type":"ping"}')
                assert json.loads(await heard(socket)) == {"type": "pong"}
                await asyncio.sleep(0.1)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "refused")


async def test_the_audit_knows_when_a_websocket_was_bound_and_when_it_was_left(base, token):
    async with caller(base, await token()) as client:
        id = await subscribed(client, "a", "websocket")
        text, url = await binding(client, id)
        async with connect(url) as socket:
            await socket.send(f"bind-with-token {text}")
            await bundle(socket)
            await client.delete(f"/Subscription/{id}")
            await bundle(socket)
        names = "SELECT json_agg(detail ->> 'name' ORDER BY id) FROM audit WHERE entity = %s AND detail ->> 'name' LIKE 'GET /ws%%'"
        for _ in range(10 * WITHIN):
            if len(found := await executed(base, names, id)) > 1:
                break
            await asyncio.sleep(0.1)
        assert found == ["GET /ws/subscriptions", "GET /ws/subscriptions ended"]


async def test_the_audit_knows_who_was_refused_at_a_websocket(base, token):
    async with caller(base, await token()) as client, caller(base, await token()) as other:
        id = await subscribed(client, "a", "websocket")
        _, url = await binding(client, id)
        before = await executed(base, "SELECT id::text FROM audit ORDER BY id DESC LIMIT 1")
        async with connect(url, additional_headers={"Authorization": f"Bearer {other.token}"}) as socket:
            for said in (f"bind {id}", "bind-with-token fhir-wb-x", "?Smith"):
                await socket.send(said)
                await heard(socket)
        with pytest.raises(InvalidStatus):
            await connect(url, additional_headers={"Authorization": "Bearer fhir-at-none"})
        found = await executed(
            base,
            "SELECT json_agg(json_build_array(detail ->> 'reason', entity, subject <> '') ORDER BY id) FROM audit"
            " WHERE id > %s::uuid AND detail ->> 'name' = 'GET /ws/subscriptions' AND outcome = 4",
            before,
        )
        assert found == [["404", id, True], ["401", "", True], ["400", "", True], ["401", "", False]]


async def executed(base, statement, *parameters):
    """The first value that the statement gives, if it gives one."""
    async with await psycopg.AsyncConnection.connect(base[1], autocommit=True) as connection:
        cursor = await connection.execute(statement, parameters)
        row = await cursor.fetchone() if cursor.description else None
        return row and row[0]
