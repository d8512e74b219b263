"""A reindex against what writers leave."""

import asyncio
import json

import pytest

from fhir_server.interactions.write import prepare
from fhir_server.operations import reindexing
from fhir_server.search.index import INDEX_VERSION
from fhir_server.store import jobs, reindex
from fhir_server.store.database import Database
from fhir_server.store.reindex import Stored

TABLES = {
    "resource": "rid, type, id, version, method, last_updated, patient, code_set, date_lo, value_lo, value_unit, tokens, body::text",
    "resource_date": "rid, param, lo, hi",
    "resource_number": "rid, param, unit, code_set, lo, hi",
    "resource_string": "rid, param, folded, exact",
    "change_log": "seq, rid, version",
    "resource_history": "rid, version",
    "patient_mention": "patient, type, id",
}


def observation(id, value, **more):
    tree = {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/p{value % 3}"},
        "effectiveDateTime": "2026-01-01T00:00:00Z",
        "issued": "2026-01-02T00:00:00Z",
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "/min"},
        "component": [{"code": {"text": "c"}, "valueQuantity": {"value": value}}],
    }
    return prepare("Observation", json.dumps(tree | more).encode(), id=id, method="PUT")


def patient(id):
    tree = {"resourceType": "Patient", "id": id, "name": [{"family": "Chalmers"}], "birthDate": "1970"}
    return prepare("Patient", json.dumps(tree).encode(), id=id, method="PUT")


async def content(database):
    """Every row of every table that a search, a read or a history goes by."""
    found = {}
    async with database.connection() as connection:
        for table, columns in TABLES.items():
            cursor = await connection.execute(f"SELECT {columns} FROM {table}")
            found[table] = sorted(map(repr, await cursor.fetchall()))
    return found


async def forget(database):
    """What an index of another form might be: nothing that fits."""
    async with database.connection() as connection:
        await connection.execute("UPDATE search_index SET version = 1")
        await connection.execute(
            "UPDATE resource SET tokens = '{1}', patient = NULL, code_set = NULL, date_lo = NULL"
        )
        await connection.execute("UPDATE resource SET value_lo = 99, value_unit = 1 WHERE id < 'o15'")
        await connection.execute("DELETE FROM resource_date")
        await connection.execute("UPDATE resource_number SET lo = -1")
        await connection.execute("INSERT INTO resource_string SELECT rid, 1, 'x', 'x' FROM resource")


async def asked(database, types=(), base_url=""):
    async with database.connection() as connection:
        job = await reindexing.ask(connection, "a test", types, base_url)
        return await jobs.claim(connection, "worker", id=job.id)


async def done(database, job, batch=7):
    while not job.ended_already:
        job = await reindexing.step(database, job, "worker", batch)
    return job


@pytest.fixture
async def stored(database):
    """Thirty Observations in several versions and a Patient."""
    await database.create_all([observation(f"o{n:02}", n) for n in range(30)] + [patient("p1")])
    async with database.transaction() as work:
        await work.update(observation("o03", 33), await work.lock("Observation", "o03"))
        await work.delete(await work.lock("Observation", "o04"))
    return await content(database)


async def test_everything_is_found_again_as_it_was_written(database, stored):
    await forget(database)
    async with database.connection() as connection:
        await connection.execute(
            "DELETE FROM resource_string WHERE rid IN (SELECT rid FROM resource WHERE deleted)"
        )
        await connection.execute("UPDATE resource SET tokens = '{}' WHERE deleted")
        await connection.execute("UPDATE resource SET value_lo = NULL, value_unit = NULL WHERE deleted")
    job = await done(database, await asked(database))
    assert (job.state, job.done, job.total, job.failures) == ("finished", 30, 30, ())
    assert await content(database) == stored
    async with database.connection() as connection:
        assert await reindex.index_version(connection) == INDEX_VERSION


async def test_one_type_alone_leaves_the_others_and_does_not_claim_the_whole(database, stored):
    await forget(database)
    job = await done(database, await asked(database, ["Patient"]))
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT tokens = '{1}' FROM resource WHERE NOT deleted AND id IN ('p1', 'o01') ORDER BY id"
        )
        assert [row[0] for row in await cursor.fetchall()] == [True, False]
        assert await reindex.index_version(connection) == 1
    assert job.done == 1


async def test_a_rare_type_is_looked_for_a_stretch_at_a_time(database, stored):
    await forget(database)
    job = await asked(database, ["Patient"])
    first = await reindexing.step(database, job, "worker", 1)
    assert (first.state, first.done) == ("running", 0)
    assert first.position > 0
    last = await done(database, first, batch=1)
    assert (last.state, last.done) == ("finished", 1)


async def test_the_total_of_a_reindex_is_what_was_there_in_the_end(database, stored):
    job = await reindexing.step(database, await asked(database), "worker", 7)
    async with database.transaction() as work:
        for n in range(20, 30):
            await work.delete(await work.lock("Observation", f"o{n}"))
    last = await done(database, job)
    assert (last.done, last.total) == (20, 20)


async def test_a_process_that_died_is_followed_by_one_that_goes_on(database, stored):
    await forget(database)
    job = await asked(database)
    for _ in range(2):
        job = await reindexing.step(database, job, "worker", 7)
    async with database.connection() as connection:
        await connection.execute("UPDATE job SET lease_until = clock_timestamp()")
        taken = await jobs.claim(connection, "another", kinds=[reindexing.KIND])
    assert (taken.position, taken.done) == (job.position, 14)
    with pytest.raises(jobs.LeaseLost):
        await reindexing.step(database, job, "worker", 7)
    while not taken.ended_already:
        taken = await reindexing.step(database, taken, "another", 7)
    assert (taken.done, taken.state) == (30, "finished")


async def test_a_write_during_the_reindex_keeps_the_index_of_its_own_content(database, stored):
    async with database.connection() as connection:
        page = (await reindex.page(connection, 0, ["Observation"], 100)).resources
    old = [(one, observation(one.id, 500).index) for one in page]
    async with database.transaction() as work:
        await work.update(observation("o07", 77), await work.lock("Observation", "o07"))
        await work.delete(await work.lock("Observation", "o08"))
    before = await content(database)
    async with database.transaction() as work:
        await work.interned.learn(work.connection, [row for _, row in old])
        assert await reindex.replace(work.connection, work.interned, old) == len(old) - 2
    after = await content(database)
    for id in ("o07", "o08"):
        rows = [row for row in after["resource"] if f"'{id}'" in row]
        assert rows == [row for row in before["resource"] if f"'{id}'" in row]


async def test_a_write_that_the_reindex_waits_for_wins(database, stored):
    async with database.connection() as connection:
        page = (await reindex.page(connection, 0, [], 100)).resources
    page = [one for one in page if one.id in ("o07", "o09")]

    async def indexed(rows):
        async with database.transaction() as work:
            await work.interned.learn(work.connection, [row for _, row in rows])
            return await reindex.replace(work.connection, work.interned, rows)

    async with database.transaction() as work:
        await work.update(observation("o07", 77), await work.lock("Observation", "o07"))
        waiting = asyncio.create_task(indexed([(one, observation(one.id, 500).index) for one in page]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert await waiting == 1
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, value_lo < 100, (SELECT min(lo) < 100 FROM resource_number n WHERE n.rid = r.rid) FROM resource r"
            " WHERE id IN ('o07', 'o09') ORDER BY id"
        )
        assert await cursor.fetchall() == [("o07", True, True), ("o09", False, False)]


async def test_writers_and_a_reindex_at_once_leave_every_resource_with_its_latest_index(database, stored):
    async def write(number):
        for value in range(100, 112):
            async with database.transaction() as work:
                for id in (f"o{number:02}", f"o{number + 10:02}"):
                    await work.update(observation(id, value + number), await work.lock("Observation", id))

    writers = [asyncio.create_task(write(number)) for number in range(6) if number != 4]
    while not all(writer.done() for writer in writers):
        await done(database, await asked(database), batch=5)
    await asyncio.gather(*writers)
    left = await content(database)
    await forget(database)
    async with database.connection() as connection:
        await connection.execute(
            "DELETE FROM resource_string WHERE rid IN (SELECT rid FROM resource WHERE deleted)"
        )
        await connection.execute(
            "UPDATE resource SET tokens = '{}', value_lo = NULL, value_unit = NULL WHERE deleted"
        )
    await done(database, await asked(database))
    assert await content(database) == left


async def test_what_cannot_be_indexed_is_told_and_stops_nobody_else(database, stored):
    codes = [{"system": "http://example.org/" + "x" * 90, "code": f"{n}"} for n in range(40)]
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE resource SET body = jsonb_set(body, '{code,coding}', %s::jsonb) WHERE id = 'o05'",
            (json.dumps(codes),),
        )
        await connection.execute("UPDATE resource SET body = jsonb_set(body, '{name}', '7') WHERE id = 'p1'")
    job = await done(database, await asked(database))
    assert (job.state, job.done) == ("finished", 30)
    told = dict(job.failures)
    assert set(told) == {"Observation/o05", "Patient/p1"}
    assert "Observation.code" in told["Observation/o05"]


async def test_a_row_that_the_database_refuses_is_told_apart(database, stored):
    async with database.connection() as connection:
        page = (await reindex.page(connection, 0, ["Observation"], 9)).resources
    rows = [(one, observation(one.id, n).index) for n, one in enumerate(page)]
    rows[4] = (Stored(rows[4][0].rid, "no number", "Observation", "bad", ""), rows[4][1])
    async with database.transaction() as work:
        failures = await reindexing._replace(work, rows)
    assert [failure.reference for failure in failures] == ["Observation/bad"]


async def test_references_under_the_servers_own_address_are_found_like_relative_ones(database):
    await database.create_all(
        [observation("o1", 1, subject={"reference": "http://me.example/fhir/Patient/p9"})]
    )
    await done(database, await asked(database, base_url="http://me.example/fhir"))
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT p.id FROM resource JOIN patient_key p ON p.key = patient")
        assert await cursor.fetchone() == ("p9",)


async def test_after_an_upgrade_there_is_one_job_however_many_processes_start(database, stored):
    await forget(database)

    async def start():
        async with database.connection() as connection:
            await reindexing.ask_after_upgrade(connection, "")

    await asyncio.gather(*(start() for _ in range(6)))
    async with database.connection() as connection:
        (job,) = await jobs.open_jobs(connection, reindexing.KIND)
        claimed = await jobs.claim(connection, "worker", id=job.id)
        assert await reindexing.is_needed(connection)
    await done(database, claimed)
    async with database.connection() as connection:
        assert not await reindexing.is_needed(connection)


async def test_a_reindex_by_a_new_process_finds_again_what_records_name(database, database_url):
    await database.create_all(
        [observation("o1", 1, performer=[{"reference": "Practitioner/dr"}]), patient("p1")]
    )
    before = await content(database)
    async with database.connection() as connection:
        await connection.execute("DELETE FROM patient_mention")
    started = Database(database_url, size=2)
    await started.open()
    await done(started, await asked(started))
    await started.close()

    assert len(before["patient_mention"]) == 1
    assert await content(database) == before


async def test_the_same_reindex_is_not_asked_for_twice(database):
    async with database.connection() as connection:
        one = await reindexing.ask(connection, "a", ["Patient", "Basic"], "")
        same = await reindexing.ask(connection, "b", ["Basic", "Patient"], "")
        other = await reindexing.ask(connection, "b", [], "")
    assert one.id == same.id != other.id
