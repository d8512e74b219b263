"""The operations of Subscriptions: what their owners are told, and nobody else."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from fhir_server.app import create_app
from fhir_server.operations import subscription_events
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import events
from fhir_server.store.subscriptions.events import Unnumbered
from fhir_server.subscriptions.bindings import bound
from fhir_server.validation.structure import check
from smart_auth.principal import EVERY_SCOPE, Principal
from tests.integration.rest.conftest import settings

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
CALLERS = {
    name: Principal(f"client:{name}", EVERY_SCOPE, name, administrator=name == "admin")
    for name in ("alice", "bob", "admin")
}
CALLERS["alice, with less"] = replace(CALLERS["alice"], scopes=frozenset({"system/Subscription.rs"}))


class ByName:
    """Lets in whoever says who they are."""

    async def authenticate(self, header):
        return CALLERS[header]


@pytest.fixture
def database_url(shared_database_url):
    return shared_database_url


@pytest.fixture
async def database(database_url):
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def client(database_url):
    app = create_app(settings(database_url, max_count=5), ByName())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": "alice"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server.example", headers=headers) as client,
    ):
        yield client


def asked(channel="websocket", content="id-only", **more):
    payload = {"extension": [{"url": f"{PROFILES}/backport-payload-content", "valueCode": content}]}
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "test",
        "criteria": "urn:fhir-server:topic:Basic-created",
        "_criteria": {
            "extension": [{"url": f"{PROFILES}/backport-filter-criteria", "valueString": "_id=never"}]
        },
        "channel": {"type": channel, "payload": "application/fhir+json", "_payload": payload, **more},
    }


@pytest.fixture
def subscribed(client):
    """Makes a Subscription, and gives its id."""

    async def subscribe(tree=None, by="alice"):
        answer = await client.post(
            "/fhir/Subscription",
            content=json.dumps(tree or asked()),
            headers={"Content-Type": "application/fhir+json", "Authorization": by},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return subscribe


@pytest.fixture
def happened(client, database):
    """Makes so many resources, numbers them as events of a Subscription, and gives their ids in that order."""

    async def happen(subscription, number):
        made = [
            await client.post("/fhir/Basic", json={"resourceType": "Basic", "code": {"text": str(place)}})
            for place in range(number)
        ]
        ids = [answer.json()["id"] for answer in made]
        async with database.connection() as connection:
            query = (
                "SELECT s.key, r.rid, r.id FROM subscription s, resource r WHERE s.id = %s AND r.id = ANY(%s)"
            )
            rows = await (await connection.execute(query, (subscription, ids))).fetchall()
            await events.number(
                connection, [Unnumbered(key, AT, "create", "Basic", id, rid, 1) for key, rid, id in rows]
            )
        return [id for _, _, id in rows]

    return happen


async def told(client, path, status=200, by="alice", **parameters):
    answer = await client.get(f"/fhir/Subscription{path}", params=parameters, headers={"Authorization": by})
    assert answer.status_code == status, answer.text
    check(answer.json()["resourceType"], answer.content)
    return answer.json()


def said(parameters):
    """The values of a Parameters by name, those of parts apart."""
    return {
        one["name"]: next(value for name, value in one.items() if name.startswith("value"))
        for one in parameters["parameter"]
        if "part" not in one
    }


def numbers(bundle):
    return [
        one["part"][0]["valueString"]
        for one in bundle["entry"][0]["resource"]["parameter"]
        if one["name"] == "notification-event"
    ]


@pytest.mark.item("sub-T8")
async def test_status_is_told_of_one_subscription_and_of_all_of_the_caller_s_own(
    client, subscribed, happened
):
    first, second, other = await subscribed(), await subscribed(), await subscribed(by="bob")
    await happened(first, 2)

    bundle = await told(client, f"/{first}/$status")
    (entry,) = bundle["entry"]
    assert (bundle["type"], entry["search"], entry["resource"]["resourceType"]) == ("searchset", {"mode": "match"}, "Parameters")  # fmt: skip
    assert said(entry["resource"]) == {
        "subscription": {"reference": f"http://server.example/fhir/Subscription/{first}"},
        "topic": "urn:fhir-server:topic:Basic-created",
        "status": "active",
        "type": "query-status",
        "events-since-subscription-start": "2",
    }
    posted = await client.post(f"/fhir/Subscription/{first}/$status")
    assert posted.json()["entry"] == bundle["entry"]

    def ids(bundle):
        return {said(one["resource"])["subscription"]["reference"].rpartition("/")[2] for one in bundle.get("entry", ())}  # fmt: skip

    assert ids(await told(client, "/$status", id=[first, second, other])) == {first, second}
    assert ids(await told(client, "/$status", id=[first, second], status=200, by="admin")) == {first, second}
    assert (await client.get("/fhir/Subscription/$status?status=off", headers={"Authorization": "bob"})).json().get("entry") is None  # fmt: skip
    wrong = await client.get("/fhir/Subscription/$status?status=on")
    assert (wrong.status_code, wrong.json()["issue"][0]["expression"]) == (400, ["status"])


@pytest.mark.item("sub-T8")
async def test_the_status_of_many_comes_page_by_page(client, subscribed):
    made = {await subscribed(by="admin") for _ in range(7)}
    found, url = [], "http://server.example/fhir/Subscription/$status?status=active"
    while url:
        bundle = (await client.get(url, headers={"Authorization": "admin"})).json()
        found += [
            said(one["resource"])["subscription"]["reference"].rpartition("/")[2] for one in bundle["entry"]
        ]
        assert len(bundle["entry"]) <= 5
        url = next((one["url"] for one in bundle["link"] if one["relation"] == "next"), None)
    assert made <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.item("sub-T8")
async def test_events_are_told_by_their_numbers_both_included(client, subscribed, happened):
    id = await subscribed()
    made = await happened(id, 4)

    bundle = await told(client, f"/{id}/$events", eventsSinceNumber="2", eventsUntilNumber="3")
    assert (bundle["type"], numbers(bundle)) == ("history", ["2", "3"])
    status = bundle["entry"][0]["resource"]
    assert (said(status)["type"], said(status)["events-since-subscription-start"]) == ("query-event", "4")
    assert [one["fullUrl"] for one in bundle["entry"][1:]] == [
        f"http://server.example/fhir/Basic/{one}" for one in made[1:3]
    ]
    assert all("request" in one and "response" in one for one in bundle["entry"])
    assert "resource" not in bundle["entry"][1]
    assert "outcome" not in bundle["entry"][0]["response"]

    whole = await told(client, f"/{id}/$events", content="full-resource")
    assert [one["resource"]["id"] for one in whole["entry"][1:]] == made
    empty = await told(client, f"/{id}/$events", content="empty")
    assert (len(empty["entry"]), numbers(empty)) == (1, ["1", "2", "3", "4"])
    assert numbers(await told(client, f"/{id}/$events", eventsSinceNumber="5")) == []


@pytest.mark.item("sub-T8")
@pytest.mark.parametrize(
    "parameters",
    [{"eventsSinceNumber": "x"}, {"eventsUntilNumber": "-1"}, {"eventsSinceNumber": "9" * 19}, {"content": "all"}],
)  # fmt: skip
async def test_what_is_no_number_and_no_content_is_refused_by_name(client, subscribed, parameters):
    refused = await told(client, f"/{await subscribed()}/$events", 400, **parameters)
    assert refused["issue"][0]["expression"] == list(parameters)


@pytest.mark.item("sub-T8")
async def test_what_is_kept_no_more_is_told_and_too_many_events_go_on_at_a_link(
    client, database, subscribed, happened
):
    id = await subscribed()
    await happened(id, 9)
    async with database.connection() as connection:
        await connection.execute(
            "DELETE FROM subscription_event e USING subscription s WHERE s.key = e.subscription AND s.id = %s AND number < 3",
            (id,),
        )
    bundle = await told(client, f"/{id}/$events")
    (issue,) = bundle["entry"][0]["response"]["outcome"]["issue"]
    assert issue["diagnostics"].startswith("Events 1 to 2 are no longer kept.")
    assert numbers(bundle) == ["3", "4", "5", "6", "7"]
    (further,) = bundle["link"]
    rest = (await client.get(further["url"])).json()
    assert (numbers(rest), rest.get("link")) == (["8", "9"], None)
    assert "outcome" not in rest["entry"][0]["response"]


@pytest.mark.item("sub-T8")
async def test_contents_that_are_large_together_go_on_at_a_link(client, subscribed, happened, monkeypatch):
    monkeypatch.setattr(subscription_events, "MOST_BYTES", 500)
    id = await subscribed(asked(content="full-resource"))
    ids = await happened(id, 5)
    found, url = [], f"/fhir/Subscription/{id}/$events"
    while url is not None:
        bundle = (await client.get(url)).json()
        found.append([entry["resource"]["id"] for entry in bundle["entry"][1:]])
        url = next((one["url"] for one in bundle.get("link", ())), None)
    assert len(found) > 1
    assert [id for page in found for id in page] == ids


@pytest.mark.item("sub-T8")
async def test_a_binding_token_is_for_the_caller_s_own_subscriptions_that_go_by_websocket(
    client, database, subscribed
):
    first, second, theirs = await subscribed(), await subscribed(), await subscribed(by="bob")
    pushed = await subscribed(asked("rest-hook", "id-only", endpoint="https://example.org/hook"))

    given = await told(client, f"/{first}/$get-ws-binding-token")
    assert [one["name"] for one in given["parameter"]] == [
        "token",
        "expiration",
        "subscription",
        "websocket-url",
    ]
    found = said(given)
    assert found["websocket-url"] == "ws://server.example/ws/subscriptions"
    async with database.connection() as connection:
        binding = await bound(connection, found["token"])
        assert await bound(connection, found["token"][:-1]) is None
        kept = await (await connection.execute("SELECT count(*) FROM subscription_binding WHERE sha256 = %s", (found["token"].encode(),))).fetchone()  # fmt: skip
    assert (binding.subscriptions, binding.owner_key, kept) == ([first], "alice|client:alice", (0,))

    several = await told(client, "/$get-ws-binding-token", id=[first, second])
    assert [one["valueString"] for one in several["parameter"] if one["name"] == "subscription"] == [
        first,
        second,
    ]
    whose = await told(client, "/$get-ws-binding-token", by="bob")
    ids = [one["valueString"] for one in whose["parameter"] if one["name"] == "subscription"]
    assert (theirs in ids, first in ids) == (True, False)
    assert (await told(client, f"/{pushed}/$get-ws-binding-token", 422))["issue"][0]["expression"] == ["id"]
    await told(client, "/$get-ws-binding-token", 404, id=[first, theirs])


@pytest.mark.item("leak-25")
async def test_what_others_subscribed_to_is_not_there_and_an_administrator_gets_no_secrets_of_it(
    client, subscribed
):
    id = await subscribed()
    for operation in ("$status", "$events", "$get-ws-binding-token", "$signing-secret", "$events-stream"):
        await told(client, f"/{id}/{operation}", 404, by="bob")
    for operation in ("$get-ws-binding-token", "$signing-secret"):
        await told(client, f"/{id}/{operation}", 403, by="admin")
    await told(client, f"/{id}/$status", by="admin")


@pytest.mark.item("access-subscription")
async def test_no_event_is_told_to_a_token_that_does_not_reach_what_is_watched(client, subscribed):
    id = await subscribed()
    for operation in ("$events", "$events-stream", "$get-ws-binding-token"):
        refused = await told(client, f"/{id}/{operation}", 403, by="alice, with less")
        assert "read on Basic" in refused["issue"][0]["diagnostics"]
    await told(client, f"/{id}/$status", by="alice, with less")


async def test_a_stream_has_no_place_in_a_bundle(client, subscribed):
    request = {"method": "GET", "url": f"Subscription/{await subscribed()}/$events-stream"}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": request}]}
    (entry,) = (await client.post("/fhir", json=bundle)).json()["entry"]
    assert entry["response"]["status"].startswith("400")


async def test_the_signing_secret_is_one_subscription_s_and_always_the_same(client, subscribed):
    first, second = await subscribed(), await subscribed()
    secrets = [said(await told(client, f"/{id}/$signing-secret"))["secret"] for id in (first, first, second)]
    assert secrets[0] == secrets[1] != secrets[2]
    assert secrets[0].startswith("whsec_")
    answer = await client.get(f"/fhir/Subscription/{first}/$signing-secret")
    assert "no-store" in answer.headers["cache-control"]
