"""What resources are found by, made anew from their stored text: no new version, no entry in the change log.

docs/adr/0013-reindex.md

A row that somebody wrote since it was read is left alone: its writer has just made its index. So no lock is held while
the index is made, and a write never waits for more than one statement.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import bigints, texts
from fhir_server.store.insert import index_columns
from fhir_server.store.interning import Interned
from fhir_server.store.predicate import Predicate
from fhir_server.store.ranges import range_inserts
from fhir_server.store.rows import IndexRow

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}

STRETCH: Final = (
    20  # rows of any kind that are looked at for each that is wanted, so that every step is short
)

_STRETCH = """
SELECT max(rid) FROM (SELECT r.rid FROM resource r WHERE r.rid > %s ORDER BY r.rid LIMIT %s) AS stretch"""

_READ = """
SELECT r.rid, r.xmin::text, r.type, r.id, r.body::text FROM resource r
 WHERE r.rid > %s AND r.rid <= %s AND NOT r.deleted AND ({scope}) ORDER BY r.rid LIMIT %s"""

_GUESS = "EXPLAIN (FORMAT JSON) SELECT FROM resource r WHERE NOT r.deleted AND ({scope})"

_NEW = """(g.patient, g.code_set, g.date_lo, g.date_hi, g.value_lo::numeric, g.value_hi::numeric, g.value_unit,
           g.tokens::bigint[])"""

_REPLACE = f"""
WITH given AS MATERIALIZED (
  SELECT row.* FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
    AS row (rid, xmin, patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit, tokens)),
same AS MATERIALIZED (
  SELECT r.rid FROM resource r JOIN given g ON g.rid = r.rid
   WHERE r.xmin = g.xmin::xid ORDER BY r.type, r.id FOR UPDATE OF r),
replaced AS (
  UPDATE resource r SET (patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit, tokens) = ROW {_NEW}
    FROM given g JOIN same USING (rid)
   WHERE r.rid = g.rid
     AND (r.patient, r.code_set, r.date_lo, r.date_hi, r.value_lo, r.value_hi, r.value_unit, r.tokens)
         IS DISTINCT FROM {_NEW}),
no_dates AS (DELETE FROM resource_date WHERE rid IN (SELECT rid FROM same)),
no_numbers AS (DELETE FROM resource_number WHERE rid IN (SELECT rid FROM same)),
no_strings AS (DELETE FROM resource_string WHERE rid IN (SELECT rid FROM same)){{ranges}}
SELECT rid FROM same"""


class Page(NamedTuple):
    """The resources of a stretch, and the row number up to which there are no others."""

    resources: Sequence["Stored"]
    until: int


class Stored(NamedTuple):
    """A resource to be indexed: `xmin` names the transaction that wrote it as it was read."""

    rid: int
    xmin: str
    type: str
    id: str
    body: str


async def page(
    connection: psycopg.AsyncConnection, after: int, types: Sequence[str], limit: int
) -> Page | None:
    """At most `limit` resources of `types` (none: of all) with row numbers beyond `after`, in their order; None behind the last row.

    A page may be empty: where there is nothing to be found for long, it is looked for a stretch at a time.
    """
    cursor = await connection.execute(_STRETCH, (after, limit * STRETCH))
    ((until,),) = await cursor.fetchall()
    if until is None:
        return None
    scope = _scope(types)
    cursor = await connection.execute(_READ.format(scope=scope.sql), (after, until, *scope.params, limit))
    found = [
        Stored(rid, xmin, _TYPES[type], id, body) for rid, xmin, type, id, body in await cursor.fetchall()
    ]
    return Page(found, found[-1].rid if len(found) == limit else until)


async def guess(connection: psycopg.AsyncConnection, types: Sequence[str]) -> int:
    """About how many resources there are of `types` (none: of all), by the planner: to count millions may take too long."""
    scope = _scope(types)
    cursor = await connection.execute(_GUESS.format(scope=scope.sql), scope.params, prepare=False)
    ((told,),) = await cursor.fetchall()
    return int(told[0]["Plan"]["Plan Rows"])


async def replace(
    connection: psycopg.AsyncConnection, interned: Interned, indexed: Sequence[tuple[Stored, IndexRow]]
) -> int:
    """How many were given their new index: all but those written by others since they were read.

    `interned` has learned what the rows need.
    """
    if not indexed:
        return 0
    rows = [row for _, row in indexed]
    ranges = range_inserts([(one.rid, row) for one, row in indexed], interned, "same")
    statement = _REPLACE.format(
        ranges="".join(f",\nrange_{number} AS ({part.sql})" for number, part in enumerate(ranges))
    )
    columns = (
        bigints([one.rid for one, _ in indexed]),
        texts([one.xmin.encode() for one, _ in indexed]),
        *index_columns(rows, interned),
        *(column for part in ranges for column in part.params),
    )
    return len(await (await connection.execute(statement, columns)).fetchall())


async def index_version(connection: psycopg.AsyncConnection) -> int:
    """The form of the index that every resource is known to have."""
    row = await (await connection.execute("SELECT version FROM search_index")).fetchone()
    return int(row[0]) if row else 0


async def set_index_version(connection: psycopg.AsyncConnection, version: int) -> None:
    """Nothing; from here on every resource is known to have the index of `version`, or of a later one."""
    await connection.execute("UPDATE search_index SET version = greatest(version, %s)", (version,))


def _scope(types: Sequence[str]) -> Predicate:
    if not types:
        return Predicate("TRUE")
    return Predicate("r.type = ANY(%s::smallint[])", ([RESOURCE_TYPES[type] for type in types],))
