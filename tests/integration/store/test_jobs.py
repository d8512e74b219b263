import pytest

from fhir_server.store import jobs
from fhir_server.store.jobs import Failure, LeaseLost


@pytest.fixture
async def connection(database):
    async with database.connection() as opened:
        yield opened


async def expire(connection):
    await connection.execute("UPDATE job SET lease_until = clock_timestamp() - interval '1 second'")


async def test_of_several_workers_one_gets_the_job(connection):
    await jobs.create(connection, "j1", "reindex", "someone", {"types": []})
    first = await jobs.claim(connection, "a", kinds=["reindex"])
    assert (first.id, first.state, first.parameters) == ("j1", "running", {"types": []})
    assert await jobs.claim(connection, "b", kinds=["reindex"]) is None
    assert await jobs.claim(connection, "b", kinds=["export"]) is None


async def test_the_job_of_a_dead_worker_is_gone_on_with_where_it_was(connection):
    await jobs.create(connection, "j1", "reindex", "someone", {})
    job = await jobs.claim(connection, "a", kinds=["reindex"])
    await jobs.advance(
        connection, job, "a", position=7, done=5, total=9, failures=[Failure("Basic/1", "why")]
    )
    await expire(connection)
    taken = await jobs.claim(connection, "b", kinds=["reindex"])
    assert (taken.position, taken.done, taken.total, taken.failures) == (
        7,
        5,
        9,
        (Failure("Basic/1", "why"),),
    )
    with pytest.raises(LeaseLost):
        await jobs.advance(connection, job, "a", position=8, done=1, total=9)
    with pytest.raises(LeaseLost):
        await jobs.end(connection, job, "a")


async def test_advancing_renews_the_lease(connection):
    await jobs.create(connection, "j1", "reindex", "someone", {})
    job = await jobs.claim(connection, "a", kinds=["reindex"])
    await expire(connection)
    await jobs.advance(connection, job, "a", position=8, done=1, total=9)
    assert await jobs.claim(connection, "b", kinds=["reindex"]) is None


async def test_a_released_job_is_free_at_once(connection):
    await jobs.create(connection, "j1", "reindex", "someone", {})
    job = await jobs.claim(connection, "a", kinds=["reindex"])
    await jobs.release(connection, job, "a")
    assert (await jobs.claim(connection, "b", kinds=["reindex"])).id == "j1"


async def test_a_cancelled_job_is_left_by_its_worker(connection):
    await jobs.create(connection, "j1", "reindex", "someone", {})
    job = await jobs.claim(connection, "a", kinds=["reindex"])
    assert (await jobs.cancel(connection, "j1")).state == "cancelled"
    with pytest.raises(LeaseLost):
        await jobs.advance(connection, job, "a", position=8, done=1, total=9)
    assert await jobs.cancel(connection, "j1") is None
    assert await jobs.claim(connection, "b", kinds=["reindex"]) is None


async def test_a_job_of_the_same_id_begins_anew_only_when_it_has_ended(connection):
    assert await jobs.create(connection, "j1", "reindex", "someone", {}) is not None
    assert await jobs.create(connection, "j1", "reindex", "someone", {}) is None
    job = await jobs.claim(connection, "a", kinds=["reindex"])
    job = await jobs.advance(connection, job, "a", position=7, done=5, total=9)
    assert await jobs.create(connection, "j1", "reindex", "someone", {}) is None
    await jobs.end(connection, job, "a", "no")
    again = await jobs.create(connection, "j1", "reindex", "another", {"x": 1})
    assert (again.state, again.position, again.done, again.error, again.asked_by) == (
        "queued",
        0,
        0,
        None,
        "another",
    )
