"""What rest-hooks tell leaves a record in the audit: who was told of which events, where, and what came of it."""

import asyncio
from contextlib import asynccontextmanager

from fhir_server.audit.record import Agent, Record
from fhir_server.store.audit.finding import Condition, find
from fhir_server.store.audit.kept import KeptAudit
from smart_auth.principal import Everything, Principal
from tests.integration.subscriptions.leading import delete
from tests.integration.subscriptions.subscriber import (
    BAD,
    OK,
    delivering,
    due_now,
    happened,
    listening,
    patient,
    row,
    subscribe,
    until,
)

DOCTOR = Principal(
    "user:7", frozenset({"user/*.rs"}), "app", "7", fhir_user="Practitioner/3", reach=Everything(), grant="g"
)


@asynccontextmanager
async def recorded(database):
    audit = KeptAudit(database)
    await audit.be_ready()
    async with delivering(database, audit=audit):
        yield


async def records(database):
    """The records of notifications, the first one first."""
    async with database.connection() as connection:
        kept = await find(connection, [Condition("kind = 'notification'")], most=100, newest_first=False)
    return [one.record for one in kept]


async def test_a_notification_leaves_a_record_of_whom_it_told_of_what_and_where(database):
    async with listening() as hook, recorded(database):
        await subscribe(database, "s", f"{hook.url}?token=of-the-subscriber", owner=DOCTOR, max_count=2)
        await happened(database, "s", patient("p1"))
        await until(database, "s", delivered=1)
        await happened(database, "s", *(patient(id) for id in ("p2", "p3", "p4")))
        await until(database, "s", delivered=4)
    there = hook.url.removesuffix("/hook")
    told = Record(
        "notification",
        "notification",
        0,
        Agent("user:7", "app", "7", "Practitioner/3"),
        type="Subscription",
        id="s",
        reason="200",
        destination=there,
    )
    assert await records(database) == [
        told._replace(patient="p1", events="1"),
        told._replace(events="2-3"),
        told._replace(patient="p4", events="4"),
    ]


async def test_a_record_names_the_patient_whose_data_was_told(database):
    weights = [
        {"resourceType": "Observation", "id": id, "subject": {"reference": "Patient/p9"}, "status": "final"}
        for id in ("o1", "o2")
    ]
    async with listening() as hook, recorded(database):
        await subscribe(database, "s", hook.url, type="Observation", content="full-resource")
        await happened(database, "s", *weights)
        await until(database, "s", delivered=2)
    assert {one.patient for one in await records(database)} == {"p9"}


async def test_what_tells_of_no_resource_leaves_no_record(database):
    async with listening() as hook, recorded(database):
        await subscribe(database, "empty", hook.url, content="empty", state="requested", heartbeat=1)
        await subscribe(database, "bare", hook.url, topic=None, payload=None, content="empty")
        database.wakes.numbered()
        await until(database, "empty", state="active")
        for id in ("empty", "bare"):
            await happened(database, id, patient(f"of-{id}"))
            await until(database, id, delivered=1)
        await hook.got(4)
    assert await records(database) == []


async def test_r4_s_own_put_leaves_a_record_and_one_that_may_not_be_shown_leaves_none(database):
    async with listening() as hook:
        await subscribe(database, "s", f"{hook.url}/fhir", topic=None, content="full-resource")
        await happened(database, "s", patient("gone"), patient("there"))
        await delete(database, "Patient", "gone")
        async with recorded(database):
            await until(database, "s", delivered=2)
    assert [(one.events, one.patient) for one in await records(database)] == [("2", "there")]


async def test_an_attempt_that_was_not_taken_leaves_a_record_of_what_came_of_it(database):
    async with listening(lambda _: BAD) as hook, recorded(database):
        await subscribe(database, "s", hook.url)
        await happened(database, "s", patient("p1"))
        await until(database, "s", attempts=1)
        hook.answer = lambda _: b"302 Found"
        await due_now(database, "s")
        await until(database, "s", attempts=2)
        hook.answer = lambda _: OK
        await due_now(database, "s")
        await until(database, "s", delivered=1)
        await subscribe(database, "away", "http://127.0.0.1:1/")
        await happened(database, "away", patient("p2"))
        await until(database, "away", attempts=1)
    found = [(one.id, one.events, one.outcome, one.reason) for one in await records(database)]
    assert found == [
        ("s", "1", 8, "500"),
        ("s", "1", 4, "302"),
        ("s", "1", 0, "200"),
        ("away", "1", 8, "no-answer"),
    ]


async def test_what_cannot_be_recorded_is_not_acknowledged(database):
    """So it is sent again, and recorded then."""
    async with database.connection() as connection:
        await KeptAudit(database).be_ready()
        await connection.execute(
            "ALTER TABLE audit ADD CONSTRAINT shut CHECK (kind <> 'notification') NOT VALID"
        )
    async with listening() as hook, recorded(database):
        await subscribe(database, "s", hook.url)
        await happened(database, "s", patient("p1"))
        async with asyncio.timeout(20):
            while len(hook.asked) < 2:  # a second time only after the first could not be recorded
                await due_now(database, "s")
                await asyncio.sleep(0.02)
        assert (await row(database, "s"))["delivered"] == 0
        async with database.connection() as connection:
            await connection.execute("ALTER TABLE audit DROP CONSTRAINT shut")
        async with asyncio.timeout(20):
            while not (await row(database, "s"))["delivered"]:
                await due_now(database, "s")
                await asyncio.sleep(0.02)
    assert [one.reason for one in await records(database)] == ["200"]


async def test_with_the_audit_off_nothing_is_kept(database):
    async with listening() as hook, delivering(database):
        await subscribe(database, "s", hook.url)
        await happened(database, "s", patient("p1"))
        await until(database, "s", delivered=1)
    assert await records(database) == []


async def test_what_the_server_says_of_a_subscription_by_itself_is_recorded_as_its_own(database):
    async with listening() as hook, recorded(database):
        await subscribe(database, "s", hook.url, state="requested")
        await until(database, "s", state="active")
    async with database.connection() as connection:
        kept = [one.record for one in await find(connection, [], most=9, newest_first=False)]
    assert kept == [Record("rest", "update", 0, Agent("server"), type="Subscription", id="s", version=2)]
