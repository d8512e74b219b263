"""Notifications reach endpoints: at least once, in their order, each subscription for itself, and nobody who may not be told."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from secrets import token_hex

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from fhir_server.store import resources
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.subscriptions import events
from fhir_server.store.subscriptions.events import Unnumbered
from fhir_server.subscriptions.places import MOST_AT_ONCE, MOST_OF_ONE
from fhir_server.subscriptions.signing import secret
from tests.integration.subscriptions.leading import delete
from tests.integration.subscriptions.subscriber import (
    BAD,
    KEY,
    OK,
    SOMEBODY,
    deliveries,
    delivering,
    due_now,
    happened,
    happened_to_many,
    listening,
    patient,
    row,
    stopped,
    subscribe,
    until,
)


async def stored(database, id):
    async with database.connection() as connection:
        found = await resources.read(connection, "Subscription", id, EVERYTHING)
    return orjson.loads(found.body)


@pytest.mark.item("sub-T4")
async def test_an_endpoint_that_takes_the_handshake_is_sent_events_with_its_headers_and_a_signature(database):
    headers = {"Authorization": "Bearer of-the-subscriber", "X-Own": "a, b"}
    async with listening() as hook, delivering(database):
        await subscribe(database, "s", hook.url, state="requested", headers=headers)
        database.wakes.numbered()
        await until(database, "s", state="active", delivered=0)
        await happened(database, "s", patient("p1"))
        handshake, told = await hook.got(2)
        await until(database, "s", delivered=1)
    assert (handshake.method, handshake.path, handshake.kind) == ("POST", "/hook", "handshake")
    assert handshake.parameters["status"]["valueCode"] == "requested"
    assert handshake.parameters["events-since-subscription-start"]["valueString"] == "0"
    assert (told.kind, told.numbers) == ("event-notification", [1])
    assert (await stored(database, "s"))["status"] == "active"
    for request in hook.asked:
        assert {name: request.headers.get(name) for name in headers} == headers
        assert request.headers["content-type"] == "application/fhir+json"
        assert request.headers["webhook-id"] == request.bundle["id"]
        Webhook(secret(KEY, "s")).verify(request.body, request.headers)


@pytest.mark.item("sub-T4")
@pytest.mark.item("sub-T7")
async def test_an_endpoint_that_refuses_the_handshake_is_sent_nothing_until_it_is_started_again(database):
    async with listening(lambda _: BAD) as hook, delivering(database):
        await subscribe(database, "s", hook.url, state="requested")
        database.wakes.numbered()
        await until(database, "s", state="error")
        await happened(database, "s", patient("p1"))
        await due_now(database, "s")
        found = await until(database, "s", lease_owner=None, due=float("inf"))
        kept = await stored(database, "s")
    assert [request.kind for request in hook.asked] == ["handshake"]
    assert (found["numbered"], found["delivered"]) == (1, 0)
    assert found["error"] == kept["error"] == "The endpoint answered 500 Internal Server Error."
    assert kept["status"] == "error"


@pytest.mark.item("sub-T5")
@pytest.mark.item("sub-G2")
async def test_what_waits_goes_together_as_far_as_the_subscriber_wants_it_and_in_its_order(database):
    async with listening() as hook:
        await subscribe(database, "some", hook.url, max_count=2)
        await subscribe(database, "all", hook.url)
        for id in ("some", "all"):
            await happened(database, id, *(patient(f"{id}{number}") for number in range(5)))
        async with delivering(database):
            await until(database, "some", delivered=5)
            await until(database, "all", delivered=5)
    told = {"some": [], "all": []}
    for request in hook.notifications:
        id = request.parameters["subscription"]["valueReference"]["reference"].rpartition("/")[2]
        counted = request.parameters["events-since-subscription-start"]["valueString"]
        told[id].append(request.numbers)
        assert counted == str(request.numbers[-1])
    assert told == {"some": [[1, 2], [3, 4], [5]], "all": [[1, 2, 3, 4, 5]]}
    assert hook.connections == 2


@pytest.mark.item("sub-G2")
@pytest.mark.item("sub-G3")
@pytest.mark.item("sub-T7")
async def test_what_was_not_taken_is_sent_again_as_it_was_and_an_error_lasts_until_it_is_started_again(
    database,
):
    """Retried without a change of state, then in error; when it goes well again nothing is missing."""
    async with listening(lambda _: BAD) as hook, delivering(database, attempts=2):
        await subscribe(database, "s", hook.url)
        await happened(database, "s", patient("p1"))
        first = await until(database, "s", attempts=1)
        await happened(database, "s", patient("p2"))
        assert (await row(database, "s"))["attempts"] == 1  # new events do not hurry it
        await due_now(database, "s")
        second = await until(database, "s", attempts=2)
        hook.answer = lambda _: OK
        await due_now(database, "s")
        third = await until(database, "s", delivered=2)
        await happened(database, "s", patient("p3"))
        await until(database, "s", delivered=3)
    assert [request.numbers for request in hook.asked] == [[1], [1], [1], [2], [3]]
    assert len({request.bundle["id"] for request in hook.asked[:3]}) == 1
    assert (first["state"], second["state"], third["state"], third["attempts"]) == (
        "active",
        "error",
        "error",
        0,
    )
    assert first["error"] == "The endpoint answered 500 Internal Server Error."
    assert 0 < first["due"] <= 1 < second["due"] * 2 <= 4
    states = [request.parameters["status"]["valueCode"] for request in hook.asked]
    assert states == ["active", "active", "error", "error", "error"]
    assert "error" in hook.asked[-1].parameters
    assert (await stored(database, "s"))["status"] == "error"


@pytest.mark.item("sub-G3")
async def test_the_answer_says_what_becomes_of_the_subscription(database):
    answers = {
        "hard": (b"403 Forbidden", "error"),
        "moved": (b"307 Temporary Redirect\r\nlocation: /elsewhere", "error"),
        "gone": (b"410 Gone", "off"),
        "early": (b"425 Too Early", "active"),
        "many": (b"429 Too Many Requests\r\nretry-after: 1000", "active"),
    }
    async with listening(lambda request: answers[request.headers["X-Name"]][0]) as hook, delivering(database):
        for id in answers:
            await subscribe(database, id, hook.url, headers={"X-Name": id})
            await happened(database, id, patient(f"of-{id}"))
        found = {id: await until(database, id, attempts=1) for id in answers}
    assert {id: one["state"] for id, one in found.items()} == {id: it for id, (_, it) in answers.items()}
    assert 990 < found["many"]["due"] <= 1_000
    assert found["gone"]["error"] == "The endpoint answered 410 Gone."
    assert {request.path for request in hook.asked} == {"/hook"}


@pytest.mark.item("sub-T5")
@pytest.mark.item("sub-G4")
async def test_an_endpoint_that_does_not_answer_is_given_up_in_its_time_and_delays_nobody(database):
    held = asyncio.Event()

    async def hangs(_):
        await held.wait()
        return OK

    async with listening(hangs) as slow, listening() as quick, delivering(database):
        await subscribe(database, "slow", slow.url, timeout=1)
        await subscribe(database, "quick", quick.url)
        await happened(database, "slow", patient("p1"))
        await slow.got(1)
        await happened(database, "quick", patient("p2"))
        await until(database, "quick", delivered=1)
        assert (await row(database, "slow"))["attempts"] == 0
        found = await until(database, "slow", attempts=1)
        held.set()
    assert found["error"] == "The endpoint could not be told: there was no answer within 1 seconds."


@pytest.mark.item("sub-G4")
async def test_endpoints_of_one_owner_that_do_not_answer_leave_places_for_others(database):
    held = asyncio.Event()

    async def hangs(_):
        await held.wait()
        return OK

    async with listening(hangs) as slow, listening() as quick, delivering(database):
        await happened_to_many(database, [f"slow{number}" for number in range(MOST_AT_ONCE + 20)], slow.url)
        await slow.got(MOST_OF_ONE)
        await subscribe(database, "quick", quick.url, owner=SOMEBODY)
        await happened(database, "quick", patient("p2"))
        await until(database, "quick", delivered=1)
        held.set()


@pytest.mark.item("sub-T6")
async def test_a_heartbeat_comes_when_nothing_else_did_and_counts_nothing(database):
    async with listening() as hook, delivering(database):
        await subscribe(database, "beats", hook.url, heartbeat=1)
        await subscribe(database, "silent", hook.url)
        for id in ("beats", "silent"):
            await happened(database, id, patient(f"of-{id}"))
        asked = await hook.got(4)
        found = await row(database, "beats")
    assert [request.kind for request in asked[2:4]] == ["heartbeat", "heartbeat"]
    assert asked[2].parameters["events-since-subscription-start"]["valueString"] == "1"
    assert asked[2].parameters["subscription"]["valueReference"]["reference"].endswith("/beats")
    assert (found["numbered"], found["delivered"], found["attempts"]) == (1, 1, 0)


@pytest.mark.item("leak-13")
async def test_whoever_asked_for_empty_notifications_is_never_told_the_topic(database):
    async with listening() as hook, delivering(database):
        await subscribe(database, "s", hook.url, content="empty", state="requested", heartbeat=1)
        database.wakes.numbered()
        await until(database, "s", state="active")
        await happened(database, "s", patient("p1"))
        await hook.got(3)
    assert {request.kind for request in hook.asked} == {"handshake", "event-notification", "heartbeat"}
    assert [request.kind for request in hook.asked if "topic" in request.parameters] == []


@pytest.mark.item("sub-Q2")
async def test_r4_sends_an_empty_request_or_puts_the_resource_where_the_endpoint_is_a_service(database):
    async with listening() as hook, delivering(database):
        await subscribe(
            database, "bare", hook.url, topic=None, payload=None, content="empty", state="requested"
        )
        await subscribe(
            database, "whole", f"{hook.url}/fhir/?k=v", topic=None, content="full-resource", state="requested"
        )
        database.wakes.numbered()
        for id in ("bare", "whole"):
            await until(database, id, state="active")
        assert hook.asked == []
        await happened(database, "bare", patient("p1"), patient("p2"))
        await until(database, "bare", delivered=2)
        await happened(database, "whole", patient("p3", active=True))
        await until(database, "whole", delivered=1)
    assert [(each.method, each.path, each.body) for each in hook.asked[:2]] == [("POST", "/hook", b"")] * 2
    assert "content-type" not in hook.asked[0].headers
    put_there = hook.asked[2]
    assert (put_there.method, put_there.path) == ("PUT", "/hook/fhir/Patient/p3?k=v")
    assert (put_there.bundle["resourceType"], put_there.bundle["active"]) == ("Patient", True)
    assert len({each.headers["webhook-id"] for each in hook.asked}) == 3


@pytest.mark.item("sub-G6")
async def test_what_was_deleted_since_is_told_of_without_its_content(database):
    async with listening() as hook:
        await subscribe(database, "s", hook.url, content="full-resource")
        await subscribe(database, "r4", hook.url, topic=None, content="full-resource")
        for id in ("s", "r4"):
            await happened(
                database, id, patient(f"{id}-gone", active=True), patient(f"{id}-there", active=True)
            )
            await delete(database, "Patient", f"{id}-gone")
        async with delivering(database):
            await until(database, "s", delivered=2)
            await until(database, "r4", delivered=2)
    (told,) = [request for request in hook.asked if request.method == "POST"]
    gone, there = told.bundle["entry"][1:]
    assert ("resource" in gone, gone["request"]["method"], gone["response"]["status"]) == (
        False,
        "GET",
        "404",
    )
    assert there["resource"]["active"] is True
    assert [request.path for request in hook.asked if request.method == "PUT"] == ["/hook/Patient/r4-there"]


@pytest.mark.item("sub-G2")
@pytest.mark.item("sub-G4")
async def test_a_process_that_dies_after_it_sent_leaves_the_same_notification_to_be_sent_again(database):
    """The endpoint took events 1 and 2, nobody heard of it; 3 came meanwhile."""
    held = asyncio.Event()

    async def holds(_):
        await held.wait()
        return OK

    async with listening(holds) as hook:
        await subscribe(database, "s", hook.url)
        await happened(database, "s", patient("p1"), patient("p2"))
        dies = deliveries(database)
        running = asyncio.create_task(dies.run())
        await hook.got(1)
        await stopped(running)
        for task in list(dies._running.values()):
            await stopped(task)
        await happened(database, "s", patient("p3"))
        held.set()
        async with delivering(database):
            await asyncio.sleep(0.05)
            assert len(hook.asked) == 1  # the dead one's lease holds
            await due_now(database, "s")
            await until(database, "s", delivered=3)
        await dies.close()
    assert [request.numbers for request in hook.asked] == [[1, 2], [1, 2], [3]]
    assert hook.asked[0].bundle["id"] == hook.asked[1].bundle["id"]


@pytest.mark.item("sub-G2")
@pytest.mark.item("sub-G4")
async def test_of_several_processes_one_at_a_time_sends_to_a_subscription(database):
    async def slowly(_):
        await asyncio.sleep(0.005)
        return OK

    async with listening(slowly) as hook:
        await subscribe(database, "s", hook.url, max_count=1)
        async with delivering(database), delivering(database), delivering(database):
            for number in range(20):
                await happened(database, "s", patient(f"p{number}"))
            await until(database, "s", delivered=20)
    assert [request.numbers for request in hook.asked] == [[number] for number in range(1, 21)]
    assert hook.most == 1


@pytest.mark.item("sub-G1")
async def test_an_event_that_is_numbered_while_another_is_acknowledged_is_sent_next(database):
    async with AsyncExitStack() as numbering, listening() as hook:
        await subscribe(database, "s", hook.url)

        async def numbers_another(request):
            if len(hook.asked) == 1:
                work = await numbering.enter_async_context(database.transaction())
                found = await work.connection.execute("SELECT key FROM subscription WHERE id = 's'")
                (key,) = await found.fetchone()
                another = Unnumbered(key, datetime.now(UTC), "create", "Patient", "p2", None, 1)
                await events.number(work.connection, [another])
            return OK

        hook.answer = numbers_another
        async with delivering(database):
            await happened(database, "s", patient("p1"))
            await hook.got(1)
            await waits_for_a_lock(database)
            await numbering.aclose()
            await until(database, "s", delivered=2)
    assert [request.numbers for request in hook.asked] == [[1], [2]]


async def waits_for_a_lock(database):
    async with asyncio.timeout(20), database.connection() as connection:
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while not await (await connection.execute(waiting)).fetchall():  # noqa: ASYNC110 - it is looked at from outside
            await asyncio.sleep(0.01)


@pytest.mark.item("sub-G4")
async def test_a_process_that_stops_hands_over_at_once(database):
    held = asyncio.Event()

    async def hangs(_):
        await held.wait()
        return OK

    async with listening(hangs) as hook:
        await subscribe(database, "s", hook.url)
        await happened(database, "s", patient("p1"))
        async with delivering(database):
            await hook.got(1)
        assert (await row(database, "s"))["lease_owner"] is None
        held.set()
        async with delivering(database):
            await until(database, "s", delivered=1)
    assert [request.numbers for request in hook.asked] == [[1], [1]]


@pytest.mark.item("sub-G8")
@pytest.mark.item("leak-24")
async def test_an_endpoint_that_leads_inside_is_not_asked(database):
    async with listening() as hook, delivering(database, allowed=()):
        await subscribe(database, "s", hook.url.replace("http:", "https:"))
        await happened(database, "s", patient("p1"))
        found = await until(database, "s", attempts=1)
    assert found["error"] == "The endpoint could not be told: the host is not on the public Internet."
    assert hook.connections == 0


@pytest.mark.item("sub-T7")
async def test_one_that_ended_or_is_off_is_sent_nothing(database):
    async with listening() as hook:
        for id in ("ended", "off"):
            await subscribe(database, id, hook.url)
            await happened(database, id, patient(f"of-{id}"))
        async with database.connection() as connection:
            await connection.execute("UPDATE subscription SET ends_at = clock_timestamp() WHERE id = 'ended'")
            await connection.execute("UPDATE subscription SET state = 'off' WHERE id = 'off'")
        async with delivering(database):
            for id in ("ended", "off"):
                await until(database, id, due=float("inf"))
    assert hook.asked == []


@pytest.mark.item("sub-T5")
async def test_events_that_are_kept_no_longer_are_passed_over_under_their_numbers(database):
    async with listening() as hook:
        await subscribe(database, "s", hook.url, max_count=2)
        await happened(database, "s", *(patient(f"p{number}") for number in range(5)))
        async with database.connection() as connection:
            await connection.execute("DELETE FROM subscription_event WHERE number <= 3")
        async with delivering(database):
            await until(database, "s", delivered=5)
    assert [request.numbers for request in hook.asked] == [[4], [5]]


async def test_headers_that_cannot_be_opened_any_more_are_an_error_and_nothing_is_sent(database):
    async with listening() as hook:
        await subscribe(database, "s", hook.url, headers={"X-Own": "a"})
        await happened(database, "s", patient("p1"))
        async with database.connection() as connection:
            await connection.execute("UPDATE subscription SET headers = 'under another key, and long enough'")
        async with delivering(database):
            found = await until(database, "s", state="error")
    assert found["error"].startswith("What the headers say cannot be read any more.")
    assert hook.asked == []


@pytest.mark.parametrize("content", [token_hex(600_000), "A" * 1_200_000], ids=["random", "compressible"])
async def test_contents_that_are_large_go_in_notifications_of_bearable_size(content, database):
    async with listening() as hook:
        await subscribe(database, "s", hook.url, content="full-resource")
        some = [patient(f"p{number}", photo=[{"data": content}]) for number in range(3)]
        await happened(database, "s", *some)
        async with delivering(database):
            await until(database, "s", delivered=3)
    assert [request.numbers for request in hook.asked] == [[1], [2], [3]]


async def test_who_stops_waits_for_no_database_that_does_not_answer(database):
    async with AsyncExitStack() as busy:
        for _ in range(8):  # every connection of the pool
            await busy.enter_async_context(database.connection())
        async with asyncio.timeout(5):  # a connection is waited for twice as long
            await deliveries(database).close()
