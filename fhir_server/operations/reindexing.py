"""A reindex, batch by batch: what resources are found by is made anew, by whoever holds the job.

docs/adr/0013-reindex.md
"""

from collections.abc import Sequence
from typing import Final, cast

import psycopg
from psycopg.errors import ProgramLimitExceeded

from fhir_server.errors import RequestError
from fhir_server.ids import uuid7
from fhir_server.json import stored
from fhir_server.search.index import INDEX_VERSION, index
from fhir_server.store import jobs, reindex
from fhir_server.store.database import Database
from fhir_server.store.jobs import Connection, Failure, Job
from fhir_server.store.mentions import owner
from fhir_server.store.reindex import Stored
from fhir_server.store.rows import IndexRow
from fhir_server.store.unit_of_work import UnitOfWork

KIND: Final = "reindex"
_AFTER_AN_UPGRADE: Final = f"reindex-to-{INDEX_VERSION}"

_Indexed = Sequence[tuple[Stored, IndexRow]]


async def ask(connection: Connection, asked_by: str, types: Sequence[str], base_url: str) -> Job:
    """A new job for resources of `types` (none: of all); one that is open for the same is given instead.

    References under `base_url` are found like relative ones.
    """
    for job in await jobs.open_jobs(connection, KIND):
        if _types(job) == sorted(types):
            return job
    made = await jobs.create(connection, uuid7(), KIND, asked_by, _parameters(types, base_url))
    assert made is not None, "a new id is taken by no other job"
    return made


async def is_needed(connection: Connection) -> bool:
    """Whether resources still have the index of an earlier version."""
    return await reindex.index_version(connection) < INDEX_VERSION


async def ask_after_upgrade(connection: Connection, base_url: str) -> None:
    """Nothing; there is one job, of all processes, that gives every resource the index of this version."""
    await jobs.create(connection, _AFTER_AN_UPGRADE, KIND, "the server", _parameters((), base_url))


async def step(database: Database, job: Job, worker: str, batch: int) -> Job:
    """The job after its next resources, at most `batch`, or ended when there were none left; its total is a guess until then.

    What a resource cannot be indexed for is kept in the job. Raises LeaseLost, and what the database says.
    """
    async with database.connection() as connection:
        types = _types(job)
        total = job.total or await reindex.guess(connection, types)
        page = await reindex.page(connection, job.position, types, batch)
    if page is None or len(job.failures) > jobs.MOST_FAILURES:
        return await _ended(database, job, worker)
    done = len(page.resources)
    indexed, failures = _index(page.resources, str(job.parameters["base_url"]))
    async with database.transaction() as work:
        failures += await _replace(work, indexed)
        return await jobs.advance(
            work.connection,
            job,
            worker,
            position=page.until,
            done=done,
            total=max(total, job.done + done),
            failures=failures,
        )


async def _ended(database: Database, job: Job, worker: str) -> Job:
    error = None
    if len(job.failures) > jobs.MOST_FAILURES:
        error = f"More than {jobs.MOST_FAILURES} resources cannot be indexed. See its failures."
    async with database.transaction() as work:
        await jobs.end(work.connection, job, worker, error)
        if error is None and not _types(job) and job.parameters["version"] == INDEX_VERSION:
            await reindex.set_index_version(work.connection, INDEX_VERSION)
        ended = await jobs.read(work.connection, job.id)
    assert ended is not None, "it was there a moment ago"
    return ended


def _index(page: Sequence[Stored], base_url: str) -> tuple[list[tuple[Stored, IndexRow]], list[Failure]]:
    indexed, failures = [], []
    for one in page:
        try:
            indexed.append((one, index(one.type, stored(one.body), base_url=base_url)))
        except RequestError as error:
            failures.append(_failure(one, str(error)))
        except Exception as error:  # noqa: BLE001 - one resource from before some rule must not stop the others
            failures.append(_failure(one, type(error).__name__))
    return indexed, failures


async def _replace(work: UnitOfWork, indexed: _Indexed) -> list[Failure]:
    """Stores the new index of all but those that the database will not have, which are told apart by halves."""
    try:
        async with work.connection.transaction():
            await work.interned.learn(work.connection, [row for _, row in indexed])
            owned = [(owner(one.type, one.id, row), row) for one, row in indexed]
            await work.interned.mention(work.connection, owned)
            await reindex.replace(work.connection, work.interned, indexed)
    except (psycopg.DataError, ProgramLimitExceeded) as error:
        if len(indexed) == 1:
            return [_failure(indexed[0][0], type(error).__name__)]
        half = len(indexed) // 2
        return [*await _replace(work, indexed[:half]), *await _replace(work, indexed[half:])]
    return []


def _failure(one: Stored, reason: str) -> Failure:
    return Failure(f"{one.type}/{one.id}", reason)


def _types(job: Job) -> list[str]:
    return cast("list[str]", job.parameters["types"])


def _parameters(types: Sequence[str], base_url: str) -> dict[str, object]:
    return {"types": sorted(types), "base_url": base_url, "version": INDEX_VERSION}
