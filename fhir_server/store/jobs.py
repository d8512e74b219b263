"""Work in the background: asked for once, done by any process, gone on with by another when that one died.

https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE, `SKIP LOCKED`

Whoever works on a job holds it by a lease, which each step renews in the transaction that does the step's work: what a
process does after its lease was taken over is rolled back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.errors import FhirServerError

State: TypeAlias = Literal["queued", "running", "finished", "failed", "cancelled"]
Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

LEASE_SECONDS: Final = 15
MOST_FAILURES: Final = 1_000

_COLUMNS: Final = (
    "id, kind, state, asked_by, parameters, created, started, ended, position, done, total, failures, error"
)
_LEASE: Final = f"clock_timestamp() + interval '{LEASE_SECONDS} seconds'"

_CREATE: Final = f"""
INSERT INTO job (id, kind, state, asked_by, parameters) VALUES (%s, %s, 'queued', %s, %s)
ON CONFLICT (id) DO UPDATE SET state = 'queued', asked_by = excluded.asked_by, parameters = excluded.parameters,
  created = clock_timestamp(), started = NULL, ended = NULL, position = 0, done = 0, total = 0, failures = '[]', error = NULL
  WHERE job.state IN ('finished', 'failed', 'cancelled')
RETURNING {_COLUMNS}"""

_CLAIM: Final = f"""
UPDATE job SET state = 'running', worker = %s, lease_until = {_LEASE}, started = coalesce(started, clock_timestamp())
 WHERE id = (SELECT id FROM job
              WHERE {{scope}} AND (state = 'queued' OR state = 'running' AND lease_until < clock_timestamp())
              ORDER BY created LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}"""

_ADVANCE: Final = f"""
UPDATE job SET position = %s, done = done + %s, total = %s, failures = failures || %s, lease_until = {_LEASE}
 WHERE id = %s AND worker = %s AND state = 'running'
RETURNING {_COLUMNS}"""

_END: Final = """
UPDATE job SET state = %s, error = %s, total = CASE WHEN %s THEN done ELSE total END, ended = clock_timestamp(),
               lease_until = NULL
 WHERE id = %s AND worker = %s AND state = 'running' RETURNING id"""

_RELEASE: Final = (
    "UPDATE job SET lease_until = clock_timestamp() WHERE id = %s AND worker = %s AND state = 'running'"
)

_CANCEL: Final = f"""
UPDATE job SET state = 'cancelled', ended = clock_timestamp(), lease_until = NULL
 WHERE id = %s AND state IN ('queued', 'running') RETURNING {_COLUMNS}"""


class LeaseLost(FhirServerError):
    """The job was cancelled, or another process goes on with it: what this one was doing is not to be kept."""


class Failure(NamedTuple):
    """What could not be done for one resource, and why."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands: `position` is where the next step begins, `done` of `total` is how far it has come."""

    id: str
    kind: str
    state: State
    asked_by: str
    parameters: Mapping[str, object]
    created: datetime
    started: datetime | None
    ended: datetime | None
    position: int
    done: int
    total: int
    failures: tuple[Failure, ...]
    error: str | None

    @property
    def ended_already(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.state in {"finished", "failed", "cancelled"}


async def create(
    connection: Connection, id: str, kind: str, asked_by: str, parameters: Mapping[str, object]
) -> Job | None:
    """The new job, which begins anew where one of that id has ended; None when one of that id is still to be done."""
    return await _one(connection, _CREATE, (id, kind, asked_by, Jsonb(parameters)))


async def read(connection: Connection, id: str) -> Job | None:
    """The job of that id."""
    return await _one(connection, f"SELECT {_COLUMNS} FROM job WHERE id = %s", (id,))


async def open_jobs(connection: Connection, kind: str) -> list[Job]:
    """The jobs of a kind that are to be done or being done, the oldest first."""
    statement = (
        f"SELECT {_COLUMNS} FROM job WHERE kind = %s AND state IN ('queued', 'running') ORDER BY created"
    )
    cursor = await connection.execute(statement, (kind,))
    return [_job(row) for row in await cursor.fetchall()]


async def claim(
    connection: Connection, worker: str, *, kinds: Sequence[str] = (), id: str | None = None
) -> Job | None:
    """A job of those kinds, or that one, which nobody works on now; it is the `worker`'s as long as it advances."""
    if id is not None:
        return await _one(connection, _CLAIM.format(scope="id = %s"), (worker, id))
    return await _one(connection, _CLAIM.format(scope="kind = ANY(%s)"), (worker, list(kinds)))


async def advance(
    connection: Connection,
    job: Job,
    worker: str,
    *,
    position: int,
    done: int,
    total: int,
    failures: Sequence[Failure] = (),
) -> Job:
    """The job after a step that did `done` more, in the step's own transaction. Raises LeaseLost."""
    told = Jsonb([failure._asdict() for failure in failures])
    moved = await _one(connection, _ADVANCE, (position, done, total, told, job.id, worker))
    if moved is None:
        raise LeaseLost(f"The job {job.id} is not this process's any more.")
    return moved


async def end(connection: Connection, job: Job, worker: str, error: str | None = None) -> None:
    """Nothing; the job is finished and its total is what was done, or it has failed with `error`. Raises LeaseLost."""
    state: State = "finished" if error is None else "failed"
    cursor = await connection.execute(_END, (state, error, error is None, job.id, worker))
    if await cursor.fetchone() is None:
        raise LeaseLost(f"The job {job.id} is not this process's any more.")


async def release(connection: Connection, job: Job, worker: str) -> None:
    """Nothing; another process may go on with the job at once."""
    await connection.execute(_RELEASE, (job.id, worker))


async def cancel(connection: Connection, id: str) -> Job | None:
    """The job, which whoever works on it will leave; None when there is none, or it has ended."""
    return await _one(connection, _CANCEL, (id,))


async def _one(connection: Connection, statement: str, params: tuple[object, ...]) -> Job | None:
    row = await (await connection.execute(statement, params)).fetchone()
    return None if row is None else _job(row)


def _job(row: TupleRow) -> Job:
    id, kind, state, asked_by, parameters, created, started, ended, position, done, total, failures, error = (
        row
    )
    return Job(
        id, kind, state, asked_by, parameters, created, started, ended, position, done, total,
        tuple(Failure(**failure) for failure in failures), error,
    )  # fmt: skip
