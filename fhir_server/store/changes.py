"""The change log read on from a snapshot: each version once, however long its transaction took.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT; docs/adr/0023-change-log.md

What is new is not visible in the last snapshot and is visible now: its transaction has a number that snapshot had not given
yet, or was running then. Both are looked up by number, so that a transaction that idles for hours costs one look each time.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

import orjson
import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import bigints, integers

_TYPES: Final = {number: name for name, number in RESOURCE_TYPES.items()}

_NOW: Final = "SELECT pg_current_snapshot()::text"

# One statement, so that what it sees is what the snapshot it returns says; each row by its number, whatever the planner
# believes of tables that have just grown.
_READ: Final = """
WITH waited AS (
  SELECT c.* FROM change_log c
   WHERE c.xid = ANY(ARRAY(SELECT pg_snapshot_xip(%(last)s::pg_snapshot))) AND {of_types}),
later AS (
  SELECT c.* FROM change_log c WHERE c.xid >= pg_snapshot_xmax(%(last)s::pg_snapshot) AND {of_types}
   ORDER BY c.xid FETCH FIRST (%(limit)s) ROWS WITH TIES),
fresh AS MATERIALIZED (SELECT *, FALSE AS counted FROM waited UNION ALL SELECT *, TRUE FROM later)
SELECT pg_current_snapshot()::text, found.* FROM (SELECT) AS always LEFT JOIN (
  SELECT f.counted, f.xid::text::bigint, f.seq, f.type, f.rid, r.id, f.version, f.last_updated, r.patient, r.codings, r.tokens
    FROM fresh f CROSS JOIN LATERAL (
      SELECT o.id, (SELECT p.id FROM patient_key p WHERE p.key = o.patient) AS patient, {marks}
        FROM resource o WHERE o.rid = f.rid OFFSET 0) r
) AS found (counted, xid, seq, type, rid, id, version, last_updated, patient, codings, tokens) ON TRUE
 ORDER BY found.last_updated, found.seq"""

# of a version that is current, in a form that whoever asks knows
_MARKED: Final = (
    "o.version = f.version AND NOT o.deleted AND %(form)s <= (SELECT i.version FROM search_index i)"
)
_MARKS: Final = f"""
CASE WHEN {_MARKED} THEN (SELECT c.codings FROM code_set c WHERE c.key = o.code_set) END AS codings,
CASE WHEN {_MARKED} THEN o.tokens END AS tokens"""
_UNMARKED: Final = "NULL::text AS codings, NULL::bigint[] AS tokens"

# a transaction that began before another may have changed what that one had made and committed
_FOLLOWS: Final = """
SELECT EXISTS (
  SELECT FROM unnest(%b, %b) AS k (rid, version)
    JOIN resource_history h ON h.rid = k.rid AND h.version = k.version - 1
    JOIN change_log c ON c.last_updated = h.last_updated AND c.rid = k.rid AND c.version = h.version
   WHERE c.xid >= %s::text::xid8)"""

_CONTENTS: Final = """
SELECT k.place, CASE WHEN r.version = k.version THEN r.body ELSE h.body END::text, b.body::text
  FROM unnest(%b, %b, %b) AS k (place, rid, version) JOIN resource r ON r.rid = k.rid
  LEFT JOIN resource_history h ON h.rid = k.rid AND h.version = k.version AND r.version <> k.version
  LEFT JOIN resource_history b ON b.rid = k.rid AND b.version = k.version - 1"""


class Marks(NamedTuple):
    """What a version is found by, beside its id and its patient, as in IndexRow."""

    codings: tuple[str, ...]
    tokens: Sequence[int]


class Change(NamedTuple):
    """A version that was written, in the transaction `xid`; `patient` is the id of whom its current version is about.

    `marks` are there where they were asked for and the version is current, and no deletion.
    """

    xid: int
    seq: int
    type: str
    rid: int
    id: str
    version: int
    last_updated: datetime
    patient: str | None
    marks: Marks | None = None


class Snapshot(NamedTuple):
    """A pg_snapshot: which transactions were visible at a moment."""

    xmax: int
    running: frozenset[int]

    def shows(self, xid: int) -> bool:
        """Whether the transaction, one that was committed since if not before, was visible then."""
        return xid < self.xmax and xid not in self.running


def snapshot(text: str) -> Snapshot:
    """The snapshot as PostgreSQL writes it: `xmin:xmax:running`."""
    _, xmax, running = text.split(":")
    return Snapshot(int(xmax), frozenset(map(int, filter(None, running.split(",")))))


class Content(NamedTuple):
    """The text of a version, None of a deletion; and of the version before, None where nothing was there."""

    body: bytes | None
    before: bytes | None


async def now(connection: psycopg.AsyncConnection) -> str:
    """The snapshot from which on is new what is committed after this."""
    row = await (await connection.execute(_NOW)).fetchone()
    assert row is not None, "there is always a snapshot"
    return str(row[0])


async def read(
    connection: psycopg.AsyncConnection,
    last: str,
    limit: int,
    types: Collection[str] | None = None,
    form: int | None = None,
) -> tuple[Sequence[Change], str]:
    """What was committed since the snapshot `last`, in the order of time, and the snapshot from which to go on.

    Of `types` alone, where some are named; with their marks, where the index is known to have at least the `form`. About `limit` versions at most, whole transactions always: with fewer than
    `limit`, there are no more now. Each version of a resource comes after those before it.
    """
    parameters: dict[str, object] = {"last": last, "limit": limit}
    of_types = "TRUE"
    if types is not None:
        of_types = "c.type + 0 = ANY(%(types)s)"
        parameters["types"] = integers([RESOURCE_TYPES[one] for one in types])
    if form is not None:
        parameters["form"] = form
    statement = _READ.format(of_types=of_types, marks=_UNMARKED if form is None else _MARKS)
    rows = await (await connection.execute(statement, parameters)).fetchall()
    found = [row for row in rows if row[1] is not None]
    changes = [
        Change(xid, seq, _TYPES[type], rid, id, version, at, patient, _marks(codings, tokens))
        for _, _, xid, seq, type, rid, id, version, at, patient, codings, tokens in found
    ]
    counted = [row[2] for row in found if row[1]]
    current = str(rows[0][0])
    if len(counted) < limit:
        return changes, current
    xmax = max(counted) + 1
    if await _follows(connection, changes, xmax):
        return await read(connection, last, 2 * limit, types, form)
    return changes, _before(current, xmax)


async def contents(connection: psycopg.AsyncConnection, changes: Sequence[Change]) -> list[Content]:
    """What each of the versions says, and the one before it."""
    columns = (
        integers(range(len(changes))),
        bigints([one.rid for one in changes]),
        integers([one.version for one in changes]),
    )
    cursor = await connection.execute(_CONTENTS, columns)
    found = {
        place: Content(_encoded(body), _encoded(before)) for place, body, before in await cursor.fetchall()
    }
    return [found[place] for place in range(len(changes))]


async def _follows(connection: psycopg.AsyncConnection, changes: Sequence[Change], xmax: int) -> bool:
    """Whether one of the versions comes after one that was made by a transaction from the number `xmax` on."""
    updates = [one for one in changes if one.version > 1]
    columns = (
        bigints([one.rid for one in updates]),
        integers([one.version for one in updates]),
    )
    row = await (await connection.execute(_FOLLOWS, (*columns, xmax))).fetchone()
    return row is not None and bool(row[0])


def _marks(codings: str | None, tokens: Sequence[int] | None) -> Marks | None:
    return None if tokens is None else Marks(_codings(codings or "[]"), tokens)


@lru_cache(maxsize=4096)
def _codings(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))


def _encoded(body: str | None) -> bytes | None:
    return None if body is None else body.encode()


def _before(current: str, xmax: int) -> str:
    """The snapshot `current` as if no transaction from the number `xmax` on had been given one."""
    running = sorted(number for number in snapshot(current).running if number < xmax)
    return f"{min(running, default=xmax)}:{xmax}:{','.join(map(str, running))}"
