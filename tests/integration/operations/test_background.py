"""What a worker does with jobs, beside its requests."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest

from fhir_server.errors import Unavailable
from fhir_server.interactions.write import prepare
from fhir_server.operations import reindexing
from fhir_server.operations.background import Background
from fhir_server.store import jobs
from fhir_server.store.database import Database


@asynccontextmanager
async def running(database):
    background = Background(database, "http://server.example/fhir")
    task = asyncio.create_task(background.run())
    yield background
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def state(database, id):
    async with database.connection() as connection:
        return await jobs.read(connection, id)


async def come_to(database, id, condition):
    for _ in range(1000):
        job = await state(database, id)
        if condition(job):
            return job
        await asyncio.sleep(0.01)
    raise AssertionError(job)


async def test_a_job_that_cannot_be_done_fails_with_its_reason_and_the_next_one_is_done(database):
    async with database.connection() as connection:
        await jobs.create(connection, "broken", reindexing.KIND, "a test", {"no": "types"})
    async with running(database):
        broken = await come_to(database, "broken", lambda job: job.ended_already)
        async with database.connection() as connection:
            fine = await reindexing.ask(connection, "a test", ["Basic"], "")
        assert (await come_to(database, fine.id, lambda job: job.ended_already)).state == "finished"
    assert (broken.state, broken.error) == ("failed", "KeyError")


async def test_a_worker_that_is_told_to_stop_leaves_its_job_to_others_at_once(database):
    tree = json.dumps({"resourceType": "Basic", "code": {"text": "x"}}).encode()
    await database.create_all([prepare("Basic", tree, method="POST") for _ in range(3000)])
    async with database.connection() as connection:
        job = await reindexing.ask(connection, "a test", [], "")
    async with running(database):
        await come_to(database, job.id, lambda job: job.done)
    async with database.connection() as connection:
        left = await jobs.claim(connection, "another", id=job.id)
    assert 0 < left.done < 3000
    assert left.position > 0


async def test_a_cancelled_job_is_left_and_nothing_else_suffers(database):
    tree = json.dumps({"resourceType": "Basic", "code": {"text": "x"}}).encode()
    await database.create_all([prepare("Basic", tree, method="POST") for _ in range(3000)])
    async with database.connection() as connection:
        job = await reindexing.ask(connection, "a test", [], "")
    async with running(database):
        await come_to(database, job.id, lambda job: job.done)
        async with database.connection() as connection:
            done = (await jobs.cancel(connection, job.id)).done
            other = await reindexing.ask(connection, "a test", ["Patient"], "")
        assert (await come_to(database, other.id, lambda job: job.ended_already)).state == "finished"
    assert (await state(database, job.id)).done == done


async def test_as_long_as_nobody_could_look_the_index_is_taken_for_stale():
    unreachable = Database("postgresql://nobody@127.0.0.1:1/none")
    await unreachable.open()
    background = Background(unreachable, "")
    await background.look()
    await unreachable.close()
    assert background.notices
    with pytest.raises(Unavailable, match="index"):
        background.refuse_blindness()


async def test_a_reindex_that_was_cancelled_is_not_begun_again_by_the_same_process(database):
    async with database.connection() as connection:
        await connection.execute("UPDATE search_index SET version = 1")
    background = Background(database, "")
    await background.look()
    async with database.connection() as connection:
        (job,) = await jobs.open_jobs(connection, reindexing.KIND)
        await jobs.cancel(connection, job.id)
        await background.look()
        assert background.notices
        assert await jobs.open_jobs(connection, reindexing.KIND) == []
        await Background(database, "").look()
        assert len(await jobs.open_jobs(connection, reindexing.KIND)) == 1
