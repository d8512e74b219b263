"""New resources into their tables: any number in one statement, with their change log.

https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import LiteralString

import psycopg

from fhir_server.clock import instant
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import Array, bigints, instants, smallints, texts
from fhir_server.store.drafts import Draft, Stamped, stamped
from fhir_server.store.interning import Interned
from fhir_server.store.mentions import owner
from fhir_server.store.ranges import Insert, range_inserts
from fhir_server.store.rows import IndexRow, Version

STAMP = """to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

# the time is taken once the transaction has its number: store/history.py relies on that
_INSERT = """
WITH clock AS MATERIALIZED (
  SELECT date_trunc('milliseconds', clock_timestamp()) AS now WHERE pg_current_xact_id() IS NOT NULL),
inserted AS (
  INSERT INTO resource (rid, type, id, version, method, last_updated, patient, code_set, date_lo, date_hi,
                        value_lo, value_hi, value_unit, tokens, fingerprint, body)
  SELECT rid, type, id, 1, method, now, patient, code_set, date_lo, date_hi,
         value_lo::numeric, value_hi::numeric, value_unit, tokens::bigint[], fingerprint,
         (head || {stamp} || tail)::jsonb
    FROM clock, unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
      AS row (rid, type, id, method, patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit,
              tokens, fingerprint, head, tail)
   WHERE NOT EXISTS (SELECT FROM resource p WHERE p.type = {patient} AND p.id = ANY(%b) AND p.deleted){unless}
  {taken}
  RETURNING rid, type, last_updated){ranges}
INSERT INTO change_log (type, rid, version, last_updated)
SELECT type, rid, 1, last_updated FROM inserted
RETURNING rid, last_updated"""


_KNOWN = """
     AND NOT EXISTS (SELECT FROM resource k WHERE k.type = ANY(%b) AND k.id = ANY(%b))"""
_SKIPPED = "ON CONFLICT (type, id) DO NOTHING"
_KEY = "resource_type_id"


async def insert(
    connection: psycopg.AsyncConnection,
    interned: Interned,
    rids: Sequence[int],
    drafts: Sequence[Draft],
    patients: Iterable[str] = (),
    beside: Insert | None = None,
) -> list[Version | None]:
    """The versions made, in order; None where `(type, id)` was there already. `rids` are new numbers for the drafts.

    None of them is made where one of the `patients` (ids) was deleted. What is inserted `beside` them is so in any case.
    """
    bodies = [stamped(draft, 1) for draft in drafts]
    made = await _inserted(connection, interned, rids, drafts, bodies, patients, _SKIPPED, beside)
    return [
        Version(
            draft.type, draft.id, 1, made[rid], draft.method, body.at(instant(made[rid])), draft.index.patient
        )
        if rid in made
        else None
        for rid, draft, body in zip(rids, drafts, bodies, strict=True)
    ]


async def insert_together(
    connection: psycopg.AsyncConnection,
    interned: Interned,
    rids: Sequence[int],
    drafts: Sequence[Draft],
    patients: Iterable[str],
    heads: Sequence[Draft],
) -> bool:
    """Whether the drafts were made, all of them, as `insert` makes them: none where one is there already.

    The `heads` are looked for first: one that is refused by the unique key is an error in PostgreSQL's log.
    """
    bodies = [stamped(draft, 1) for draft in drafts]
    try:
        return bool(await _inserted(connection, interned, rids, drafts, bodies, patients, "", heads=heads))
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name != _KEY:
            raise
        return False


async def _inserted(
    connection: psycopg.AsyncConnection,
    interned: Interned,
    rids: Sequence[int],
    drafts: Sequence[Draft],
    bodies: Sequence[Stamped],
    patients: Iterable[str],
    taken: LiteralString,
    beside: Insert | None = None,
    heads: Sequence[Draft] = (),
) -> dict[int, datetime]:
    """When each was made, by its number; `taken` says what becomes of those whose id is there already."""
    rows = [draft.index for draft in drafts]
    await interned.learn(connection, rows)
    await interned.mention(connection, ((owner(one.type, one.id, one.index), one.index) for one in drafts))
    ranges = range_inserts(list(zip(rids, rows, strict=True)), interned, "inserted")
    ranges += [beside] if beside else []
    statement = _INSERT.format(
        stamp=STAMP.format(at="now"),
        patient=RESOURCE_TYPES["Patient"],
        taken=taken,
        unless=_KNOWN if heads else "",
        ranges="".join(f",\nrange_{number} AS ({part.sql})" for number, part in enumerate(ranges)),
    )
    columns = (
        bigints(rids),
        smallints([RESOURCE_TYPES[draft.type] for draft in drafts]),
        texts([draft.id.encode() for draft in drafts]),
        texts([draft.method.encode() for draft in drafts]),
        *index_columns(rows, interned),
        bigints([draft.fingerprint for draft in drafts]),
        texts([body.head for body in bodies]),
        texts([body.tail for body in bodies]),
        texts([id.encode() for id in patients]),
        *_keys(heads),
        *(column for part in ranges for column in part.params),
    )
    cursor = await connection.execute(statement, columns)
    return dict(await cursor.fetchall())


def _keys(heads: Sequence[Draft]) -> tuple[Array, ...]:
    if not heads:
        return ()
    types = sorted({RESOURCE_TYPES[draft.type] for draft in heads})
    return smallints(types), texts([draft.id.encode() for draft in heads])


def index_columns(rows: Sequence[IndexRow], interned: Interned) -> tuple[Array, ...]:
    """The columns patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit, tokens of `rows`."""
    return (
        bigints([interned.patient(row.patient) for row in rows]),
        bigints([interned.code_set(row.codings) for row in rows]),
        instants([row.date and row.date.lo for row in rows]),
        instants([row.date and row.date.hi for row in rows]),
        texts([None if row.value is None else str(row.value.lo).encode() for row in rows]),
        texts([None if row.value is None else str(row.value.hi).encode() for row in rows]),
        bigints([row.value and row.value.unit and row.value.unit.hash for row in rows]),
        texts([b"{%s}" % ",".join(map(str, row.tokens)).encode() for row in rows]),
    )
