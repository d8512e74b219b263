"""Seals over the audit: what was changed after it was sealed is found and named, and what was not is not."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from fhir_server import clock
from fhir_server.audit.record import Agent, Origin, Record
from fhir_server.errors import OperatorError
from fhir_server.store.arrays import uuids
from fhir_server.store.audit import chain, sealing
from fhir_server.store.audit.dropping import drop
from fhir_server.store.audit.finding import Condition, find
from fhir_server.store.audit.kept import KeptAudit
from fhir_server.store.audit.partitions import make, month
from fhir_server.store.audit.rows import COLUMNS, first_id, inserted
from fhir_server.store.audit.verifying import verify

KEY = b"k" * 32
ODD = 'a "quoted" \\ back\tslash, Umlaut ä, emoji 🩺, control \x01 and \x7f'


@pytest.fixture
async def audit(database):
    """An audit with twelve records under three seals."""
    audit = KeptAudit(database)
    for batch in range(3):
        await audit.keep([record(f"o{batch}-{number}") for number in range(4)])
        await sealing.seal(database, KEY)
    return audit


def record(id, **more):
    agent, origin = Agent("client:1", "1", None, "Device/d"), Origin("10.0.0.1", ODD)
    return Record("rest", "read", 0, agent, origin, "Observation", id, 1, "p1", **more)


@pytest.fixture
def tampered(database_url):
    """Does what somebody with every right in the database could do."""

    def done(statement, *params):
        with psycopg.connect(database_url) as connection:
            for table in ("audit", "audit_seal"):
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for (name,) in connection.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass"
            ).fetchall():
                connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            row = connection.execute(statement, params)
            return row.fetchall() if row.description else []

    return done


async def found(database, known=None):
    async with database.connection() as connection:
        return await verify(connection, KEY, known)


async def faults(database):
    return [(one.fault, one.seal, one.record) for one in (await found(database)).findings]


async def test_an_audit_that_nobody_touched_is_whole(database, audit):
    verdict = await found(database)
    assert (verdict.seals, verdict.records, verdict.findings) == (3, 12, [])


async def test_the_database_hashes_a_record_as_the_verification_does(database, audit):
    async with database.connection() as connection:
        rows = await (await connection.execute(f"SELECT {chain.HASH}, {COLUMNS} FROM audit")).fetchall()
    assert [bytes(hash) for hash, *_ in rows] == [chain.record_hash(tuple(row)) for _, *row in rows]


@pytest.mark.parametrize(
    "change", ["outcome = 4", "patient = 'p2'", "subject = 'user:2'", "detail = '{}'", "type = 'Patient'"]
)
async def test_an_altered_record_is_named(database, audit, tampered, change):
    ((id,),) = tampered(f"UPDATE audit SET {change} WHERE entity = 'o1-2' RETURNING id")
    assert await faults(database) == [("altered", 2, str(id))]


async def test_a_removed_record_is_named(database, audit, tampered):
    ((id,),) = tampered("DELETE FROM audit WHERE entity = 'o2-0' RETURNING id")
    assert await faults(database) == [("removed", 3, str(id))]


async def test_a_record_that_was_put_in_later_is_named(database, audit, tampered):
    ((id,),) = tampered(
        "INSERT INTO audit (id, xid, kind, action, outcome, subject, type, entity, detail)"
        " SELECT %s, min(xid), 'rest', 'read', 0, 'x', '', '', '{}' FROM audit RETURNING id",
        UUID(int=first_id(clock.now()).int + 5),
    )
    assert await faults(database) == [("inserted", None, str(id))]


async def test_a_record_that_says_it_was_made_long_before_it_was_sealed_is_named(database, audit):
    async with database.connection() as connection:
        statement = inserted([record("late")])
        old = first_id(clock.now() - timedelta(minutes=30)).bytes
        await connection.execute(statement.sql, (uuids([old]), *statement.params[1:]))
    await sealing.seal(database, KEY)
    assert [fault for fault, *_ in await faults(database)] == ["backdated"]


async def test_two_records_that_changed_places_are_named(database, audit, tampered):
    tampered(
        "UPDATE audit SET entity = CASE entity WHEN 'o0-1' THEN 'o0-2' ELSE 'o0-1' END"
        " WHERE entity IN ('o0-1', 'o0-2')"
    )
    assert [fault for fault, *_ in await faults(database)] == ["altered", "altered"]


async def test_a_changed_and_a_removed_seal_are_named(database, audit, tampered):
    tampered("UPDATE audit_seal SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0)) WHERE number = 1")
    tampered("DELETE FROM audit_seal WHERE number = 2")
    named = {(fault, seal) for fault, seal, _ in await faults(database)}
    assert {("seal altered", 1), ("seal removed", 2)} <= named


async def test_a_chain_made_anew_without_the_key_is_found_out(database, audit, tampered):
    row = ((await found(database)).anchor).partition(":")[2]
    digest = chain.seal_digest(bytes.fromhex(row), 4, datetime(2026, 1, 1, tzinfo=UTC), (), b"", None)
    tampered(
        "INSERT INTO audit_seal (number, sealed_at, ids, hashes, digest, mac) VALUES (4, %s, '{}', '', %s, %s)",
        datetime(2026, 1, 1, tzinfo=UTC),
        digest,
        b"m" * 32,
    )
    assert ("seal forged", 4, None) in await faults(database)


async def test_a_chain_that_was_cut_off_does_not_lead_through_its_anchor(database, audit, tampered):
    known = (await found(database)).anchor
    assert (await found(database, known)).anchored
    tampered("DELETE FROM audit WHERE entity LIKE 'o2-%%'")
    tampered("DELETE FROM audit_seal WHERE number = 3")
    assert not (await found(database, known)).anchored


async def test_a_record_whose_transaction_ends_later_is_sealed_then_and_one_rolled_back_leaves_no_gap(
    database, audit, database_url
):
    statement = inserted([record("slow")])
    async with database.connection() as slow, database.connection() as gone:
        async with slow.transaction():
            await slow.execute(statement.sql, statement.params)
            await audit.keep([record("quick")])
            async with gone.transaction(force_rollback=True):
                lost = inserted([record("lost")])
                await gone.execute(lost.sql, lost.params)
            (first,) = await asyncio.wait_for(sealing.seal(database, KEY), 2)
        (second,) = await sealing.seal(database, KEY)
    assert (len(first.ids), len(second.ids)) == (1, 1)
    assert await faults(database) == []


async def test_two_that_seal_at_once_seal_each_record_once(database, audit):
    await audit.keep([record(f"more-{number}") for number in range(50)])
    made = await asyncio.gather(*(sealing.seal(database, KEY) for _ in range(4)))
    assert sum(len(one.ids) for seals in made for one in seals) == 50
    assert await faults(database) == []


async def test_old_months_are_dropped_when_they_are_sealed_and_the_chain_says_so(database, audit):
    past = month(clock.now()).plus(-5)
    statement = inserted([record("old")])
    async with database.connection() as connection:
        await connection.execute(make(past))
        ids = uuids([first_id(past.start + timedelta(days=3)).bytes])
        await connection.execute(statement.sql, (ids, *statement.params[1:]))
        with pytest.raises(OperatorError, match="not sealed yet"):
            await drop(connection, KEY, 3, clock.now())
        await sealing.seal(database, KEY)
        assert await drop(connection, KEY, 3, clock.now()) == [past]
        assert await find(connection, [Condition("entity = 'old'")], most=5) == []
    assert [fault for fault, *_ in await faults(database)] == ["backdated"]  # it was put there by this test
