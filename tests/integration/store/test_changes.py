"""The change log read from snapshot to snapshot: whatever writes meanwhile, each version comes once, in its order."""

import asyncio
from random import Random

import pytest

from fhir_server.search.index import index
from fhir_server.store import changes
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.unit_of_work import UnitOfWork

IDS = [f"p{number}" for number in range(6)]


class Undone(Exception):
    """A transaction was rolled back on purpose."""


def draft(id, type="Patient"):
    tree = {"resourceType": type, "id": id}
    return Draft(type, id, tree, index(type, tree), "PUT")


async def write(work: UnitOfWork, ids: list[str]) -> None:
    locked = await work.lock_all({("Patient", id): EVERYTHING for id in ids})
    for id in sorted(ids):
        current = locked.get(("Patient", id))
        if current is None:
            await work.create_all([draft(id)])
        else:
            await work.update(draft(id), current)


async def writer(database: Database, random: Random) -> None:
    for _ in range(12):
        try:
            async with database.transaction() as work:
                if random.random() < 0.5:  # has its number long before it writes
                    await work.connection.execute("SELECT pg_current_xact_id()")
                    await asyncio.sleep(random.random() * 0.02)
                await write(work, random.sample(IDS, random.randint(1, 3)))
                await asyncio.sleep(random.random() * 0.01)
                undo(random.random() < 0.25)
        except Undone:
            continue


def undo(unwanted: bool) -> None:
    if unwanted:
        raise Undone


async def read_all(
    database: Database, last: str, random: Random, writing: asyncio.Task
) -> list[changes.Change]:
    found = []
    while True:
        over = writing.done()
        async with database.connection() as connection:
            new, last = await changes.read(connection, last, random.randint(1, 5))
        found += new
        if over and not new:
            return found


@pytest.mark.item("sub-G1")
@pytest.mark.parametrize("seed", range(3))
async def test_what_random_writers_commit_comes_once_and_in_order(database, seed):
    random = Random(seed)
    async with database.connection() as connection:
        last = await changes.now(connection)
    writing = asyncio.gather(*(writer(database, Random(random.random())) for _ in range(5)))
    found = await read_all(database, last, random, writing)
    await writing

    async with database.connection() as connection:
        rows = await (await connection.execute("SELECT rid, version FROM change_log")).fetchall()
    assert len(rows) > 50
    assert sorted((one.rid, one.version) for one in found) == sorted(rows)
    for rid in {one.rid for one in found}:
        versions = [one.version for one in found if one.rid == rid]
        assert versions == sorted(versions)


@pytest.mark.item("sub-G1")
async def test_a_version_made_by_an_older_transaction_waits_for_the_one_before_it(database):
    async with database.connection() as connection:
        last = await changes.now(connection)
    async with database.transaction() as older:
        await older.connection.execute("SELECT pg_current_xact_id()")
        async with database.transaction() as younger:
            await younger.create_all([draft("a"), draft("other")])
        await write(older, ["a"])
    seen = []
    async with database.connection() as connection:
        for _ in range(3):
            found, last = await changes.read(connection, last, 1)
            seen += [(one.id, one.version) for one in found]
    assert seen.index(("a", 1)) < seen.index(("a", 2))
    assert len(seen) == 3


async def test_only_the_types_asked_for_are_read_and_the_others_are_passed(database):
    async with database.connection() as connection:
        last = await changes.now(connection)
        await database.create_all([draft("a"), draft("g", "Group")])
        found, last = await changes.read(connection, last, 10, {"Group"})
        assert [(one.type, one.id, one.version) for one in found] == [("Group", "g", 1)]
        assert (await changes.read(connection, last, 10))[0] == []


@pytest.mark.item("sub-G1")
async def test_a_transaction_that_idles_elsewhere_delays_nothing_and_is_looked_up_by_its_number(database):
    async with database.transaction() as idle:
        await idle.connection.execute("SELECT pg_current_xact_id()")
        async with database.connection() as connection:
            for number in range(300):
                await connection.execute(
                    "INSERT INTO change_log (type, rid, version, last_updated) VALUES (1, %s, 1, now())",
                    (number,),
                )
            last = await changes.now(connection)
            await database.create_all([draft("a")])
            found, next = await changes.read(connection, last, 10)
            assert [one.id for one in found] == ["a"]
            for of_types in ("TRUE", "c.type + 0 = ANY(ARRAY[1, 2])"):
                assert await examined(connection, last, of_types) <= 2
                await connection.execute("ANALYZE change_log")
        await idle.create_all([draft("late")])
    async with database.connection() as connection:
        found, _ = await changes.read(connection, next, 10)
    assert [one.id for one in found] == ["late"]


async def examined(connection, last, of_types) -> int:
    """How many rows of the change log, and entries of its indexes, a read looks at."""
    statement = changes._READ.format(of_types=of_types, marks=changes._UNMARKED)
    cursor = await connection.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", {"last": last, "limit": 10}
    )
    return sum(scanned((await cursor.fetchone())[0][0]["Plan"]))


def scanned(plan):
    if "change_log" in (plan.get("Relation Name"), plan.get("Index Name", "").rpartition("_")[0]):
        yield plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    for below in plan.get("Plans", ()):
        yield from scanned(below)
