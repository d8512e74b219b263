"""Whoever leads: one at a time, another soon after it ended, and what it looks after beside numbering."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from prometheus_client import REGISTRY

from fhir_server.audit.port import NoAudit
from fhir_server.audit.record import Agent, Record
from fhir_server.json import stored
from fhir_server.store.audit.finding import find
from fhir_server.store.audit.kept import KeptAudit
from fhir_server.store.database import Database
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.resources import read
from fhir_server.store.subscriptions import cursor
from fhir_server.store.subscriptions.cursor import Lease
from fhir_server.subscriptions.duties import Duties
from fhir_server.subscriptions.ending import Ending
from fhir_server.subscriptions.known import Known
from fhir_server.subscriptions.leader import Leader
from fhir_server.subscriptions.silence import Silence
from fhir_server.subscriptions.upkeep import Upkeep, tell
from tests.integration.subscriptions.leading import (
    BASE,
    AsTheyWere,
    events,
    leading,
    put,
    subscribe,
    watching,
)


def patient(id):
    return {"resourceType": "Patient", "id": id}


async def numbered(database, id, count):
    """Returns when the subscription has so many events."""
    async with asyncio.timeout(20):
        with database.wakes.waiting("event") as wake:
            while len(await events(database, id)) < count:
                await wake.wait(0.2)


@pytest.mark.item("sub-G4")
@pytest.mark.item("sub-G5")
async def test_what_any_process_writes_is_numbered_and_another_leads_when_the_leader_ends(
    database, database_url
):
    others = [Database(database_url, size=3) for _ in range(2)]
    for one in others:
        await one.open()
    running = [
        asyncio.create_task(task)
        for one in others
        for task in (one.wakes.run(), Leader(one, BASE, AsTheyWere(), NoAudit(), 7).run())
    ]
    try:
        await subscribe(database, "s", watching("Patient"))
        for number in range(3):
            await put(database, patient(f"p{number}"))
            await numbered(database, "s", number + 1)
        await stop(running[1])
        await put(database, patient("p3"))
        await numbered(database, "s", 4)
    finally:
        for task in running:
            await stop(task)
        for one in others:
            await one.close()
    assert [number for number, *_ in await events(database, "s")] == [1, 2, 3, 4]


async def stop(task):
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


def test_a_dead_leader_is_replaced_within_ten_seconds():
    """Whoever does not lead tries to as often as a leader renews its lease."""
    assert cursor.LEASE_SECONDS + cursor.RENEW_SECONDS < 10


async def test_a_leader_that_cannot_go_on_goes_on_when_it_can(database):
    class Failing:
        failed = False

        async def of(self, connection, owners):
            if not self.failed:
                self.failed = True
                raise RuntimeError
            return list(owners)

    leader = asyncio.create_task(Leader(database, BASE, Failing(), NoAudit(), 7).run())
    try:
        await subscribe(database, "s", watching("Patient"))
        await put(database, patient("a"))
        await numbered(database, "s", 1)
    finally:
        await stop(leader)


@pytest.mark.item("sub-Q1")
async def test_a_subscription_whose_end_has_come_is_turned_off_and_says_so(database):
    end = datetime.now(UTC) - timedelta(seconds=1)
    await subscribe(database, "s", watching("Patient"), ends_at=end)
    await subscribe(database, "goes-on", watching("Patient"), ends_at=end + timedelta(hours=1))
    known = Known(BASE)
    async with database.connection() as connection:
        await known.load(connection)
        await Upkeep(database, Ending(database, KeptAudit(database)), Duties(), 7).look(known)
        kept = [one.record for one in await find(connection, [], most=9, newest_first=False)]
        states = await (await connection.execute("SELECT id, state FROM subscription ORDER BY id")).fetchall()
        told = stored((await read(connection, "Subscription", "s", EVERYTHING)).body)
    assert states == [("goes-on", "active"), ("s", "off")]
    assert told["status"] == "off"
    assert kept == [Record("rest", "update", 0, Agent("server"), type="Subscription", id="s", version=2)]


@pytest.mark.item("sub-G4")
async def test_old_events_are_removed_and_numbers_go_on(database):
    await subscribe(database, "s", watching("Patient"))
    leader = await leading(database)
    await put(database, patient("old"))
    await leader.step()
    async with database.connection() as connection:
        await connection.execute("UPDATE subscription_event SET at = now() - interval '8 days'")
    await put(database, patient("new"))
    await leader.step()
    await Upkeep(database, Ending(database, NoAudit()), Duties(), 7).look(Known(BASE))
    assert [(number, id) for number, _, id, _ in await events(database, "s")] == [(2, "new")]


async def test_a_subscription_that_was_deleted_is_removed_once_its_events_are(database):
    for id in ("there", "deleted", "just-deleted", "told"):
        await subscribe(database, id, watching("Patient"), state="off")
    async with database.connection() as connection:
        await connection.execute("UPDATE resource SET deleted = id <> 'there'")
        await connection.execute(
            "UPDATE resource SET last_updated = now() - interval '8 days' WHERE id <> 'just-deleted'"
        )
        await connection.execute(
            "INSERT INTO subscription_event SELECT key, 1, now(), 'create', 1, 'x' FROM subscription WHERE id = 'told'"
        )
    await Upkeep(database, Ending(database, NoAudit()), Duties(), 7).look(Known(BASE))
    async with database.connection() as connection:
        left = await (await connection.execute("SELECT id FROM subscription ORDER BY id")).fetchall()
        rows = await (await connection.execute("SELECT count(*) FROM subscription_progress")).fetchone()
    assert (left, rows) == ([("just-deleted",), ("there",), ("told",)], (3,))


SILENT = {"changes": frozenset({"silent"}), "trigger": "silent"}


@pytest.fixture
async def device(database):
    """A registered device on a patient; it can be heard of, so many minutes ago."""
    await put(database, {"resourceType": "Device", "id": "d"}, {"resourceType": "Device", "id": "never"})
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO device (name, id, profile) VALUES ('d', 'd', 'x'), ('never', 'never', 'x')"
        )
        await connection.execute(
            "INSERT INTO device_assignment SELECT 'use', key, 'p', tstzrange(now() - interval '1 day', NULL) FROM device WHERE id = 'd'"
        )

    async def heard(minutes):
        async with database.connection() as connection:
            await connection.execute(
                "UPDATE device SET last_seen_at = now() - make_interval(mins => %s) WHERE id = 'd'",
                (minutes,),
            )

    return heard


async def look(database, leader, gap=timedelta()):
    """One look for silent devices, by whoever leads now."""
    known = Known(BASE)
    async with database.connection() as connection:
        await known.load(connection)
    silence = Silence(database, BASE, known, AsTheyWere(), Lease(leader.epoch, "", gap))
    await silence.look(leader)


async def started_long_ago(database):
    async with database.connection() as connection:
        await connection.execute("UPDATE subscription SET started_at = now() - interval '1 day'")


async def test_a_device_that_falls_silent_is_told_once_until_it_is_heard_again(database, device):
    for id, query in (
        ("s", ""),
        ("its-patient", "patient=Patient/p"),
        ("another", "patient=Patient/q"),
        ("it", "_id=d"),
    ):
        await subscribe(database, id, watching("Device", query, **SILENT))
    await started_long_ago(database)
    for minutes, count in ((4, 0), (60, 1), (None, 1), (0, 1), (6, 2)):
        if minutes is not None:
            await device(minutes)
        await look(database, await leading(database))  # what was told is known to the next leader
        assert len(await events(database, "s")) == count
    assert await events(database, "s") == [(1, "silent", "d", None), (2, "silent", "d", None)]
    assert [len(await events(database, id)) for id in ("its-patient", "another", "it")] == [2, 0, 2]


async def test_a_device_that_was_silent_before_is_no_news_to_a_new_subscription(database, device):
    await subscribe(database, "s", watching("Device", **SILENT))
    leader = await leading(database)
    await device(60)
    await look(database, leader)
    assert await events(database, "s") == []


async def test_after_a_time_without_a_server_devices_may_first_be_heard_again(database, device):
    await subscribe(database, "s", watching("Device", **SILENT))
    await started_long_ago(database)
    leader = await leading(database)
    await device(60)
    await look(database, leader, gap=timedelta(minutes=55))
    assert await events(database, "s") == []


async def test_an_old_leader_tells_of_no_silence(database, device):
    await subscribe(database, "s", watching("Device", **SILENT))
    await started_long_ago(database)
    old = await leading(database)
    await leading(database)
    await device(6)
    with pytest.raises(cursor.LeaseLost):
        await look(database, old)
    assert await events(database, "s") == []


async def test_a_subscription_that_nobody_can_read_any_more_is_turned_off_and_hinders_no_other(database):
    await subscribe(database, "strange", watching("Patient", "no-such-parameter=1"))
    await subscribe(database, "s", watching("Patient"))
    known = Known(BASE)
    async with database.connection() as connection:
        await known.load(connection)
        await Upkeep(database, Ending(database, NoAudit()), Duties(), 7).look(known)
        statement = "SELECT id, state, error FROM subscription ORDER BY id"
        (_, *well), (_, state, error) = await (await connection.execute(statement)).fetchall()
    assert well == ["active", None]
    assert state == "off"
    assert "no-such-parameter" in error


async def test_what_fails_beside_numbering_delays_neither_it_nor_the_other_duties(database):
    await subscribe(database, "s", watching("Patient"))
    async with database.connection() as connection:
        await connection.execute("ALTER TABLE subscription_set_aside RENAME TO elsewhere")
        await connection.execute("ALTER TABLE subscription_event RENAME at TO at_first")
    tell({})
    leader = asyncio.create_task(Leader(database, BASE, AsTheyWere(), NoAudit(), 7).run())
    try:
        with structlog.testing.capture_logs() as logged:
            async with asyncio.timeout(20):
                while REGISTRY.get_sample_value("fhir_subscriptions", {"state": "active"}) != 1:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            async with database.connection() as connection:
                await connection.execute("ALTER TABLE subscription_event RENAME at_first TO at")
            for count in range(1, 4):
                await put(database, patient(f"p{count}"))
                await numbered(database, "s", count)
    finally:
        await stop(leader)
    assert [line["event"] for line in logged] == ["a duty of subscriptions failed"] * 2
