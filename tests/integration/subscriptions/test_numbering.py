"""Changes become numbered events: from 1 without gaps for each subscription, each once, in the order of the versions."""

import asyncio
from datetime import UTC, datetime
from random import Random

import pytest

from fhir_server.store.subscriptions import cursor
from fhir_server.store.subscriptions.cursor import LeaseLost
from fhir_server.subscriptions import numbering
from smart_auth.principal import Patients, Principal
from tests.integration.subscriptions.leading import (
    delete,
    draft,
    events,
    leading,
    put,
    subscribe,
    watching,
)


def patient(id, **more):
    return {"resourceType": "Patient", "id": id, **more}


def reading(id, of="p", code="8867-4", value=72):
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{of}"},
        "valueQuantity": {
            "value": value,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }


def encounter(id, status):
    return {"resourceType": "Encounter", "id": id, "status": status, "class": {"code": "IMP"}}


async def all_of(leader):
    while await leader.step():
        pass


@pytest.mark.item("sub-T5")
async def test_events_are_numbered_from_1_for_each_subscription(database):
    await subscribe(database, "all", watching("Observation"))
    await subscribe(database, "p2", watching("Observation", "patient=Patient/p2"))
    leader = await leading(database)
    await put(database, reading("a", "p1"), reading("b", "p2"))
    await leader.step()
    await put(database, reading("b", "p2", value=80), reading("c", "p1"))
    await leader.step()
    assert await events(database, "all") == [
        (1, "create", "a", 1),
        (2, "create", "b", 1),
        (3, "update", "b", 2),
        (4, "create", "c", 1),
    ]
    assert await events(database, "p2") == [(1, "create", "b", 1), (2, "update", "b", 2)]


@pytest.mark.item("sub-Q3")
async def test_a_version_that_meets_the_criteria_no_more_and_a_deletion_are_no_events_of_r4_criteria(
    database,
):
    await subscribe(database, "s", watching("Observation", "status=final"))
    leader = await leading(database)
    await put(database, reading("a"))
    await put(database, reading("a") | {"status": "cancelled"})
    await delete(database, "Observation", "a")
    await put(database, reading("a"))
    await leader.step()
    assert await events(database, "s") == [(1, "create", "a", 1), (2, "create", "a", 4)]


async def test_a_deletion_is_matched_by_what_was_deleted(database):
    await subscribe(database, "s", watching("Patient", "gender=female", frozenset({"delete"})))
    leader = await leading(database)
    await put(database, patient("a", gender="female"), patient("b", gender="male"))
    await delete(database, "Patient", "a")
    await delete(database, "Patient", "b")
    await leader.step()
    assert await events(database, "s") == [(1, "delete", "a", 2)]


async def test_admission_and_discharge_are_told_once_each(database):
    await subscribe(database, "in", watching("Encounter", trigger="admitted"))
    await subscribe(database, "out", watching("Encounter", trigger="discharged"))
    leader = await leading(database)
    for status in ("planned", "in-progress", "in-progress", "onleave", "in-progress", "finished", "finished"):
        await put(database, encounter("e", status))
    await put(database, encounter("f", "finished"))
    await leader.step()
    assert [(version, id) for _, _, id, version in await events(database, "in")] == [(2, "e"), (5, "e")]
    assert [(version, id) for _, _, id, version in await events(database, "out")] == [(6, "e"), (1, "f")]


async def test_a_limit_holds_for_values_and_for_components(database):
    limit = "combo-value-quantity=gt180"
    await subscribe(database, "s", watching("Observation", f"patient=Patient/p&{limit}"))
    leader = await leading(database)
    pressure = reading("bp") | {
        "component": [{"code": {"text": "systolic"}, "valueQuantity": {"value": 190, "code": "mm[Hg]"}}]
    }
    del pressure["valueQuantity"]
    await put(
        database, reading("low"), reading("high", value=181), pressure, reading("other", "q", value=200)
    )
    await leader.step()
    assert [id for _, _, id, _ in await events(database, "s")] == ["high", "bp"]


@pytest.mark.item("sub-G1")
async def test_what_was_committed_before_a_subscription_is_none_of_it_and_what_comes_after_is(database):
    leader = await leading(database)
    await subscribe(database, "s", watching("Patient"))
    await put(database, patient("before"))
    await subscribe(database, "t", watching("Patient", "_id=before,after"))
    await put(database, patient("after"))
    await leader.step()
    assert [id for _, _, id, _ in await events(database, "s")] == ["before", "after"]
    assert [id for _, _, id, _ in await events(database, "t")] == ["after"]


async def test_a_subscription_that_is_off_is_told_of_nothing_and_one_in_error_of_everything(database):
    await subscribe(database, "off", watching("Patient"), state="off")
    await subscribe(database, "error", watching("Patient"), state="error")
    await subscribe(database, "ended", watching("Patient"), ends_at=datetime(2020, 1, 1, tzinfo=UTC))
    leader = await leading(database)
    await put(database, patient("a"))
    await leader.step()
    assert [len(await events(database, id)) for id in ("off", "error", "ended")] == [0, 1, 0]


@pytest.mark.item("leak-12")
async def test_what_the_owner_may_not_see_gets_no_number(database):
    scopes = frozenset({"patient/Observation.rs", "patient/Patient.rs"})
    owner = Principal("user:1", scopes, client="app", patient="p1")
    limited = Principal(
        "user:2", frozenset({"user/Observation.rs?status=final"}), reach=Patients(frozenset({"p1", "p2"}))
    )
    await subscribe(database, "one", watching("Observation"), watching("Encounter"), owner=owner)
    await subscribe(database, "two", watching("Observation"), owner=limited)
    leader = await leading(database)
    await put(database, patient("p1"), patient("p2"), patient("p3"))
    await put(
        database, reading("a", "p1"), reading("b", "p2"), reading("c", "p3"), encounter("e", "finished")
    )
    await put(database, reading("d", "p2") | {"status": "amended"})
    await leader.step()
    assert [id for _, _, id, _ in await events(database, "one")] == ["a"]
    assert [id for _, _, id, _ in await events(database, "two")] == ["a", "b"]


@pytest.mark.item("leak-12")
async def test_each_of_many_owners_is_told_of_their_own_alone(database):
    for number in range(5):
        scopes = frozenset({"patient/*.rs"})
        owner = Principal(f"user:{number}", scopes, client="app", patient=f"p{number}")
        await subscribe(database, f"of-p{number}", watching("Observation"), watching("Device"), owner=owner)
    leader = await leading(database)
    await put(database, *(patient(f"p{number}") for number in range(5)))
    await put(database, *(reading(f"r{number}", f"p{number}") for number in range(4)))
    await put(database, *(reading(f"more-{number}", "p4") for number in range(3)))
    devices = [
        {"resourceType": "Device", "id": f"d{n}", "patient": {"reference": f"Patient/p{n}"}} for n in range(5)
    ]
    await put(database, *devices, {"resourceType": "Device", "id": "of-nobody"})
    await leader.step()
    for number in range(4):
        assert [id for _, _, id, _ in await events(database, f"of-p{number}")] == [f"r{number}", f"d{number}"]
    assert [id for _, _, id, _ in await events(database, "of-p4")] == ["more-0", "more-1", "more-2", "d4"]


@pytest.mark.item("leak-12")
async def test_an_owner_without_standing_is_told_of_nothing(database):
    class Nobody:
        async def of(self, connection, owners):
            return [None for _ in owners]

    await subscribe(database, "s", watching("Patient"))
    leader = await leading(database, Nobody())
    await put(database, patient("a"))
    await leader.step()
    assert await events(database, "s") == []


@pytest.mark.item("sub-G4")
async def test_a_leader_that_was_stopped_and_wakes_up_numbers_nothing(database):
    await subscribe(database, "s", watching("Patient"))
    old = await leading(database)
    await put(database, patient("a"))
    new = await leading(database)
    await new.step()
    with pytest.raises(LeaseLost):
        await old.step()
    assert await events(database, "s") == [(1, "create", "a", 1)]


@pytest.mark.item("sub-G4")
async def test_two_leaders_at_once_number_each_event_once(database):
    await subscribe(database, "s", watching("Patient"))
    old = await leading(database)
    new = await leading(database)
    for number in range(6):
        await put(database, patient(f"p{number}"))
        outcomes = await asyncio.gather(old.step(), new.step(), return_exceptions=True)
        assert isinstance(outcomes[0], LeaseLost)
    assert [number for number, *_ in await events(database, "s")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.item("sub-G4")
async def test_a_lease_is_taken_over_only_once_it_has_ended(database):
    async with database.connection() as connection:
        assert await cursor.take(connection, "one", 60) is not None
        assert await cursor.take(connection, "two") is None
        await connection.execute("UPDATE subscription_cursor SET lease_until = now() - interval '1 second'")
        first, second = await asyncio.gather(*(taken(database, name) for name in ("two", "three")))
    assert (first is None) is not (second is None)


async def taken(database, name):
    async with database.connection() as connection:
        return await cursor.take(connection, name)


async def test_with_nobody_to_tell_the_cursor_passes_over_what_was_written(database):
    leader = await leading(database)
    await put(database, patient("a"))
    assert await leader.pass_over()
    await subscribe(database, "s", watching("Patient"))
    assert not await leader.pass_over()
    await put(database, patient("b"))
    await leader.step()
    assert [id for _, _, id, _ in await events(database, "s")] == ["b"]


@pytest.mark.item("sub-G1")
async def test_a_backlog_is_numbered_in_parts_with_subscriptions_made_meanwhile(database):
    random = Random(7)
    await subscribe(database, "s", watching("Patient"))
    leader = await leading(database, chunk=3)
    await asyncio.gather(*(write(database, random.random(), f"w{number}") for number in range(4)))
    await subscribe(database, "late", watching("Encounter"))
    await put(database, encounter("e", "finished"))
    await all_of(leader)

    async with database.connection() as connection:
        statement = (
            "SELECT r.id, c.version FROM change_log c JOIN resource r USING (rid) WHERE r.id LIKE 'w%'"
        )
        written = await (await connection.execute(statement)).fetchall()
    numbered = await events(database, "s")
    assert [number for number, *_ in numbered] == list(range(1, len(written) + 1))
    assert sorted((id, version) for _, _, id, version in numbered) == sorted(written)
    for id in {id for id, _ in written}:
        versions = [version for _, _, other, version in numbered if other == id]
        assert versions == sorted(versions)
    assert [id for _, _, id, _ in await events(database, "late")] == ["e"]


async def write(database, seed, name):
    random = Random(seed)
    for _ in range(15):
        await asyncio.sleep(random.random() * 0.01)
        await put(database, *(patient(f"{name}-{random.randrange(4)}") for _ in range(random.randint(1, 2))))


@pytest.mark.item("sub-Q1")
async def test_a_pushed_channel_is_due_at_once_unless_it_has_failed(database):
    for id in ("well", "failing"):
        await subscribe(database, id, watching("Patient"), channel="rest-hook")
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE subscription_progress SET attempts = 3, due_at = now() + interval '1 hour'"
            " WHERE subscription = (SELECT key FROM subscription WHERE id = 'failing')"
        )
        leader = await leading(database)
        await put(database, patient("a"))
        await leader.step()
        cursor = await connection.execute(
            "SELECT s.id FROM subscription s JOIN subscription_progress p ON p.subscription = s.key"
            " WHERE p.due_at <= now() ORDER BY s.id"
        )
        assert await cursor.fetchall() == [("well",)]


@pytest.mark.item("sub-G1")
async def test_what_an_older_transaction_commits_after_a_subscription_was_made_is_an_event_of_it(database):
    await subscribe(database, "early", watching("Patient"))
    leader = await leading(database, chunk=1)
    async with database.transaction() as older:
        await older.connection.execute("SELECT pg_current_xact_id()")
        await subscribe(database, "late", watching("Encounter"))
        await older.create_all([draft(patient("a")), draft(encounter("e", "finished"))])
    await all_of(leader)
    assert await events(database, "late") == [(1, "create", "e", 1)]


async def test_more_events_than_one_statement_numbers_have_numbers_without_gaps_all_the_same(database):
    subscriptions, writes = 3, [patient(f"p{number:05}") for number in range(numbering.TOGETHER // 2)]
    for number in range(subscriptions):
        await subscribe(database, f"s{number}", watching("Patient"))
    leader = await leading(database, chunk=len(writes) + 1)
    await database.create_all([draft(one) for one in writes])
    await all_of(leader)
    for number in range(subscriptions):
        found = await events(database, f"s{number}")
        assert [place for place, *_ in found] == list(range(1, len(writes) + 1))
        assert len({id for _, _, id, _ in found}) == len(writes)
