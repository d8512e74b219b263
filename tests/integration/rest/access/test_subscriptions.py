"""Subscriptions over HTTP: whose they are, what becomes of their secrets, when they start, and who sees them."""

import pytest
import pytest_asyncio

from fhir_server.keys import MasterKey
from fhir_server.store.subscriptions.registrations import registered, remove_deleted
from fhir_server.subscriptions.restate import restated
from fhir_server.subscriptions.secret_headers import SecretHeaders
from tests.integration.rest.access.world import names, resource, to

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("subscriptions-over-http")]

SECRET = "Bearer canary-of-a-header"
MASKED = "Authorization: ******"
SCOPES = ("system/Subscription.cruds", "system/Observation.rs")
ENDPOINT = "https://hooks.example/in"
WEBSOCKET = {"type": "websocket"}


def subscription(status="requested", criteria="Observation?code=8867-4", **channel):
    hook = {"type": "rest-hook", "endpoint": ENDPOINT, "header": [f"Authorization: {SECRET}"]}
    return {
        "resourceType": "Subscription",
        "status": status,
        "reason": "to be told",
        "criteria": criteria,
        "channel": channel or hook,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def undelivered(server):
    """As if another process were busy with every delivery: nothing is sent, and no state changes by itself."""
    async with server.database.connection() as connection:
        await connection.execute("ALTER TABLE subscription_progress ALTER lease_until SET DEFAULT 'infinity'")


@pytest.fixture
def owner(server):
    return server.caller(*SCOPES, name="client:a", client="a")


@pytest.fixture
def other(server):
    return server.caller("system/*.cruds", name="client:b", client="b")


async def made(asker, tree):
    answer = await asker.ask("POST", "Subscription", tree)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put(asker, tree, status=200):
    answer = await asker.ask("PUT", f"Subscription/{tree['id']}", tree)
    assert answer.status_code == status, answer.text
    return answer.json()


async def kept(server, id):
    async with server.database.connection() as connection:
        (found,) = await registered(connection, [id])
    return found


async def progress(server, id):
    async with server.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT numbered, delivered, due_at < clock_timestamp(), greeted FROM subscription_progress p"
            " JOIN subscription s ON s.key = p.subscription WHERE s.id = %s",
            (id,),
        )
        return await cursor.fetchone()


async def numbered(server, id, number):
    """As if so many events had been given numbers, none of them delivered."""
    async with server.database.connection() as connection:
        await connection.execute(
            "UPDATE subscription_progress SET numbered = %s, greeted = TRUE WHERE subscription = (SELECT key FROM subscription WHERE id = %s)",
            (number, id),
        )


async def told(server, id, state, error=None, **more):
    """What the server says of it by itself."""
    async with server.database.transaction() as work:
        return await restated(work, id, state, error, **more)


def secrets(found):
    return SecretHeaders(MasterKey(b"k" * 32)).open(found.id, found.headers)


def element(answer):
    (issue,) = answer.json()["issue"]
    return issue["expression"]


@pytest.mark.item("leak-25")
async def test_an_app_that_was_launched_for_another_patient_does_not_see_what_it_asked_for(server):
    def launched(patient):
        scopes = ("patient/Subscription.cruds", "patient/Observation.rs")
        return server.caller(*scopes, patient=patient, name="user:u", client="app", user="u")

    tree = await made(launched("a"), subscription(**WEBSOCKET))
    here = f"Subscription/{tree['id']}"

    for ask in (here, f"{here}/_history", f"{here}/$status", f"{here}/$events"):
        assert (await launched("a").status(ask), await launched("b").status(ask)) == (200, 404), ask
    assert await launched("b").status(f"{here}/$get-ws-binding-token") == 404
    await put(launched("b"), tree, status=403)


@pytest.mark.item("leak-25")
async def test_nobody_but_the_owner_and_administrators_sees_a_subscription(server, owner, other):
    tree = await made(owner, subscription())
    here, tree_name = f"Subscription/{tree['id']}", {f"Subscription/{tree['id']}"}
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": here}}],
    }

    for stranger in (
        other,
        server.caller(*SCOPES, name="client:a", client="another"),
        server.caller("user/*.cruds", name="user:x"),
    ):
        for way in ("", "/_history", "/_history/1", "/$meta"):
            assert await stranger.status(here + way) in (403, 404), way
        for way in ("DELETE", "PUT"):
            await stranger.ask(way, here, tree | {"status": "off"})
    for way in (
        "Subscription",
        "Subscription?url=" + ENDPOINT,
        "?_type=Subscription,Observation",
        "_history",
        "Subscription/_history",
    ):
        assert not tree_name & await other.found(way), way
        assert tree_name <= await server.operator().found(way), way
    counted = await other.get("Subscription?_summary=count&url=" + ENDPOINT)
    assert counted.json()["total"] == 0
    batch = await other.ask("POST", "", bundle)
    assert batch.json()["entry"][0]["response"]["status"].startswith("404")
    assert tree_name <= await owner.found("_history")
    assert (await owner.get(here)).json()["meta"]["versionId"] == "1"


@pytest.mark.item("leak-25")
async def test_no_include_chain_or_reverse_chain_leads_to_the_subscription_of_another(server, owner, other):
    here = f"Subscription/{(await made(owner, subscription()))['id']}"
    await server.store(
        resource("Provenance", "of-subscription", target=[to(here)], agent=[{"who": to("Practitioner/p")}])
    )
    include, chain = (
        "Provenance?_id=of-subscription&_include=Provenance:target",
        f"Provenance?target:Subscription.url={ENDPOINT}",
    )

    assert await server.operator().found(include) == {"Provenance/of-subscription", here}
    assert await other.found(include) == {"Provenance/of-subscription"}
    assert await server.operator().found(chain) == {"Provenance/of-subscription"}
    assert await other.found(chain) == set()
    assert await other.found("Subscription?_has:Provenance:target:_id=of-subscription") == set()


@pytest.mark.item("leak-25")
async def test_a_deleted_subscription_rests_and_keeps_its_owner(server, owner, other):
    tree = await made(owner, subscription())
    here = f"Subscription/{tree['id']}"

    assert (await owner.ask("DELETE", here)).status_code == 204
    assert (await kept(server, tree["id"])).state == "off"
    assert secrets(await kept(server, tree["id"])) == {}
    assert await owner.status(f"{here}/_history") == 200
    assert await other.status(f"{here}/_history") == 404
    await put(other, tree | {"channel": WEBSOCKET}, status=403)
    again = await put(owner, tree | {"channel": subscription()["channel"]}, status=201)
    assert (again["status"], (await kept(server, tree["id"])).state) == ("requested", "requested")


@pytest.mark.item("leak-25")
async def test_a_deleted_subscription_that_was_forgotten_is_the_administrators_alone(server, owner, other):
    tree = await made(owner, subscription())
    here = f"Subscription/{tree['id']}"
    assert (await owner.ask("DELETE", here)).status_code == 204
    async with server.database.connection() as connection:
        await remove_deleted(connection, days=0)

    for one in (owner, other):
        assert await one.status(f"{here}/_history") == 404
        await put(one, tree | {"channel": WEBSOCKET}, status=403)
    assert await server.operator().status(f"{here}/_history") == 200


@pytest.mark.item("leak-25")
async def test_what_headers_say_is_in_nothing_that_is_shown_or_stored(server, owner):
    tree = await made(owner, subscription())
    here = f"Subscription/{tree['id']}"

    assert tree["channel"]["header"] == [MASKED]
    assert secrets(await kept(server, tree["id"])) == {"Authorization": SECRET}
    for way in (here, f"{here}/_history", f"Subscription?_id={tree['id']}"):
        assert "canary" not in (await owner.get(way)).text
    async with server.database.connection() as connection:
        for table in ("resource", "resource_history", "subscription", "audit"):
            cursor = await connection.execute(
                f"SELECT FROM {table} t WHERE t::text LIKE '%canary-of-a-header%'"
            )
            assert cursor.rowcount == 0, table


@pytest.mark.item("leak-25")
async def test_the_marker_keeps_a_secret_for_the_host_that_it_was_given_for(server, owner):
    tree = await made(owner, subscription())
    moved = {**tree["channel"], "endpoint": "https://hooks.example/elsewhere"}
    stolen = {**tree["channel"], "endpoint": "https://other.example/in"}
    anew = {**tree["channel"], "header": [MASKED, "X-New: ******"]}

    await put(owner, tree | {"channel": moved})
    assert secrets(await kept(server, tree["id"])) == {"Authorization": SECRET}
    for channel, place in ((stolen, 0), (anew, 1)):
        answer = await owner.ask("PUT", f"Subscription/{tree['id']}", tree | {"channel": channel})
        assert (answer.status_code, element(answer)) == (422, [f"Subscription.channel.header[{place}]"])
    answer = await owner.ask("POST", "Subscription", subscription() | {"channel": tree["channel"]})
    assert element(answer) == ["Subscription.channel.header[0]"]
    without = {name: value for name, value in moved.items() if name != "header"}
    await put(owner, tree | {"channel": without})
    assert (await kept(server, tree["id"])).headers is None


@pytest.mark.item("sub-T3")
@pytest.mark.item("leak-24")
async def test_an_endpoint_that_nothing_may_be_sent_to_is_refused(owner):
    for endpoint in ("http://hooks.example/in", "https://127.0.0.1/in", "https://[::1]/", "https://169.254.169.254/latest",
                     "https://0.0.0.0/", "https://10.1.2.3/", "https://user:pass@hooks.example/", "mailto:a@b.example", "hooks"):  # fmt: skip
        answer = await owner.ask("POST", "Subscription", subscription(type="rest-hook", endpoint=endpoint))
        assert (answer.status_code, element(answer)) == (422, ["Subscription.channel.endpoint"]), endpoint


async def test_who_subscribes_needs_to_read_and_search_what_is_watched(server, owner):
    may_not = await owner.ask("POST", "Subscription", subscription(criteria="Patient?active=true"))
    assert (may_not.status_code, element(may_not)) == (403, ["Subscription.criteria"])
    for scopes, status in (
        (("patient/Subscription.c", "patient/Observation.rs"), 201),
        (("patient/Subscription.c", "patient/Observation.r"), 403),
        (("patient/Subscription.rs", "patient/Observation.rs"), 403),
        (("patient/Observation.cruds",), 403),
    ):
        app = server.caller(*scopes, patient="a", name="user:a", client="app")
        answer = await app.ask("POST", "Subscription", subscription(**WEBSOCKET))
        assert answer.status_code == status, scopes


@pytest.mark.item("sub-Q1")
@pytest.mark.item("sub-T4")
async def test_a_client_requests_and_the_server_makes_active(server, owner):
    hook, socket = await made(owner, subscription()), await made(owner, subscription(**WEBSOCKET))

    assert (hook["status"], socket["status"]) == ("requested", "active")
    assert [(await kept(server, one["id"])).state for one in (hook, socket)] == ["requested", "active"]
    assert (await progress(server, hook["id"]))[2]
    assert not (await progress(server, socket["id"]))[2]
    for status in ("active", "error"):
        answer = await owner.ask("POST", "Subscription", subscription(status))
        assert (answer.status_code, element(answer)) == (422, ["Subscription.status"])
        await put(owner, hook | {"status": status}, status=422)
    off = await made(owner, subscription("off"))
    assert (off["status"], (await kept(server, off["id"])).state) == ("off", "off")


async def test_what_was_read_may_be_sent_back_with_another_end(server, owner):
    tree = await made(owner, subscription())
    assert await told(server, tree["id"], "active")
    active = (await owner.get(f"Subscription/{tree['id']}")).json()
    before = await kept(server, tree["id"])

    longer = await put(owner, active | {"end": "2099-01-01T00:00:00Z"})
    patched = await owner.ask(
        "PATCH",
        f"Subscription/{tree['id']}",
        [{"op": "replace", "path": "/reason", "value": "still to be told"}],
        Content_Type="application/json-patch+json",
    )

    assert (longer["status"], patched.json()["status"], patched.json()["end"]) == (
        "active",
        "active",
        "2099-01-01T00:00:00Z",
    )
    after = await kept(server, tree["id"])
    assert (after.state, after.started_at, after.ends_at.year) == ("active", before.started_at, 2099)
    await put(owner, active | {"criteria": "Observation?code=other"}, status=422)


@pytest.mark.item("sub-T7")
async def test_a_failing_subscription_starts_again_where_it_stood_when_it_is_requested(server, owner):
    tree = await made(owner, subscription())
    await numbered(server, tree["id"], 7)
    assert await told(server, tree["id"], "error", "no answer")
    said = (await owner.get(f"Subscription/{tree['id']}")).json()
    assert (said["status"], said["error"], said["meta"]["versionId"]) == ("error", "no answer", "2")
    before = await kept(server, tree["id"])

    again = await put(owner, said | {"status": "requested"})

    after = await kept(server, tree["id"])
    assert (again["status"], "error" in again) == ("requested", False)
    assert (after.state, after.error, after.since) == ("requested", None, before.since)
    assert await progress(server, tree["id"]) == (7, 0, True, False)
    assert not await told(server, tree["id"], "error", "of the start before", started_at=before.started_at)


@pytest.mark.item("sub-T7")
@pytest.mark.parametrize("change", [{"status": "off"}, {"criteria": "Observation?code=other"}])
async def test_what_rested_or_asks_for_something_else_starts_anew_under_the_numbers_that_follow(
    server, owner, change
):
    tree = await made(owner, subscription())
    await numbered(server, tree["id"], 7)
    before = await kept(server, tree["id"])

    await put(owner, tree | change)
    await put(owner, tree | change | {"status": "requested"})

    assert (await kept(server, tree["id"])).since != before.since
    assert await progress(server, tree["id"]) == (7, 7, True, False)


async def test_one_that_is_off_is_not_made_active_by_the_server(server, owner):
    tree = await made(owner, subscription())
    await put(owner, tree | {"status": "off"})

    assert not await told(server, tree["id"], "active")
    assert await progress(server, tree["id"]) == (0, 0, False, False)


async def test_nobody_is_kept_from_turning_a_subscription_off(server, owner):
    tree = await made(owner, subscription())
    narrower = server.caller("system/Subscription.cruds", name="client:a", client="a")

    await put(narrower, tree, status=403)
    ended = await put(narrower, tree | {"status": "off", "end": "2020-01-01T00:00:00Z"})

    assert (ended["status"], (await kept(server, tree["id"])).state) == ("off", "off")


async def test_headers_that_cannot_be_read_any_more_may_be_sent_anew(server, owner):
    tree = await made(owner, subscription())
    async with server.database.connection() as connection:
        lost = SecretHeaders(MasterKey(b"x" * 32)).close(tree["id"], {"Authorization": SECRET})
        await connection.execute("UPDATE subscription SET headers = %s WHERE id = %s", (lost, tree["id"]))

    await put(owner, tree, status=422)
    await put(owner, tree | {"channel": subscription()["channel"]})

    assert secrets(await kept(server, tree["id"])) == {"Authorization": SECRET}


async def test_a_subscription_stays_whose_it_was_when_an_administrator_writes_it(server, owner):
    tree = await made(owner, subscription())

    await put(server.operator(), tree)

    found = await kept(server, tree["id"])
    assert (found.owner_key, found.owner["client"]) == ("a|client:a", "a")
    assert await owner.status(f"Subscription/{tree['id']}") == 200


async def test_bundles_and_conditions_take_subscriptions_on(server, owner):
    good = {"resource": subscription(**WEBSOCKET), "request": {"method": "POST", "url": "Subscription"}}
    bad = {
        "resource": subscription(type="rest-hook", endpoint="https://127.0.0.1/"),
        "request": good["request"],
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [good, bad]}

    refused = await owner.ask("POST", "", bundle)
    assert (refused.status_code, element(refused)) == (422, ["Bundle.entry[1].resource.channel.endpoint"])
    batch = await owner.ask("POST", "", bundle | {"type": "batch"})
    assert [one["response"]["status"][:3] for one in batch.json()["entry"]] == ["201", "422"]
    taken = await owner.ask("POST", "", bundle | {"entry": [good]})
    id = taken.json()["entry"][0]["response"]["location"].split("/")[-3]
    assert (await kept(server, id)).state == "active"
    found = await owner.ask("PUT", f"Subscription?_id={id}", subscription("off", **WEBSOCKET))
    assert (found.status_code, (await kept(server, id)).state) == (200, "off")
    assert names((await owner.get(f"Subscription?_id={id}&status=off")).json()) == {f"Subscription/{id}"}
