"""The next versions of resources, deletions among them: any number in one statement, with their change log.

https://hl7.org/fhir/R4/http.html#update
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from fhir_server.clock import instant
from fhir_server.errors import Conflict
from fhir_server.store.arrays import bigints, instants, texts
from fhir_server.store.drafts import Draft, Stamped, stamped
from fhir_server.store.insert import STAMP, index_columns
from fhir_server.store.interning import Interned
from fhir_server.store.locks import Locked
from fhir_server.store.mentions import owner
from fhir_server.store.ranges import range_inserts
from fhir_server.store.rows import IndexRow, Method, Version

# the rows' locks have given the transaction its number before the time is taken: store/history.py relies on that
_REPLACE = """
WITH given AS MATERIALIZED (
  SELECT row.*, greatest(clock.now, row.previous + interval '1 millisecond') AS now
    FROM (SELECT date_trunc('milliseconds', clock_timestamp()) AS now) AS clock,
         unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
      AS row (rid, version, previous, method, patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit,
              tokens, fingerprint, head, tail)),
kept AS (
  INSERT INTO resource_history (rid, version, method, last_updated, body)
  SELECT r.rid, r.version, r.method, r.last_updated, r.body FROM resource r JOIN given USING (rid)),
replaced AS (
  UPDATE resource r SET
    version = g.version, method = g.method, last_updated = g.now, deleted = g.head IS NULL,
    patient = g.patient, code_set = g.code_set, date_lo = g.date_lo, date_hi = g.date_hi,
    value_lo = g.value_lo::numeric, value_hi = g.value_hi::numeric, value_unit = g.value_unit,
    tokens = g.tokens::bigint[], fingerprint = g.fingerprint, body = (g.head || {stamp} || g.tail)::jsonb
  FROM given g WHERE r.rid = g.rid
  RETURNING r.rid, r.type, r.version, r.last_updated),
no_dates AS (DELETE FROM resource_date WHERE rid IN (SELECT rid FROM given)),
no_numbers AS (DELETE FROM resource_number WHERE rid IN (SELECT rid FROM given)),
no_strings AS (DELETE FROM resource_string WHERE rid IN (SELECT rid FROM given)){ranges}
INSERT INTO change_log (type, rid, version, last_updated)
SELECT type, rid, version, last_updated FROM replaced
RETURNING rid, last_updated"""

_NOTHING = IndexRow()


@dataclass(frozen=True, slots=True)
class Replacement:
    """What follows `current`: the content of a draft, or, where there is none, the deletion."""

    current: Locked
    draft: Draft | None = None


async def replace(
    connection: psycopg.AsyncConnection, interned: Interned, replacements: Sequence[Replacement]
) -> list[Version]:
    """The versions made, in order; raises Conflict when a row is gone. No resource may be there twice."""
    if not replacements:
        return []
    rows = [one.draft.index if one.draft else _NOTHING for one in replacements]
    await interned.learn(connection, rows)
    drafts = [one.draft for one in replacements if one.draft is not None]
    await interned.mention(connection, ((owner(one.type, one.id, one.index), one.index) for one in drafts))
    bodies = [_body(one) for one in replacements]
    ranges = range_inserts(
        [(one.current.rid, row) for one, row in zip(replacements, rows, strict=True)], interned, "replaced"
    )
    statement = _REPLACE.format(
        stamp=STAMP.format(at="g.now"),
        ranges="".join(f",\nrange_{number} AS ({part.sql})" for number, part in enumerate(ranges)),
    )
    columns = (
        bigints([one.current.rid for one in replacements]),
        bigints([one.current.version + 1 for one in replacements]),
        instants([one.current.last_updated for one in replacements]),
        texts([_method(one).encode() for one in replacements]),
        *index_columns(rows, interned),
        bigints([one.draft.fingerprint if one.draft else one.current.fingerprint for one in replacements]),
        texts([body and body.head for body in bodies]),
        texts([body and body.tail for body in bodies]),
        *(column for part in ranges for column in part.params),
    )
    cursor = await connection.execute(statement, columns)
    made: dict[int, datetime] = dict(await cursor.fetchall())
    if len(made) < len(replacements):
        raise Conflict("A resource changed meanwhile. Send the request again.")
    return [
        _version(one, made[one.current.rid], body and body.at(instant(made[one.current.rid])))
        for one, body in zip(replacements, bodies, strict=True)
    ]


def _body(one: Replacement) -> Stamped | None:
    return None if one.draft is None else stamped(one.draft, one.current.version + 1)


def _method(one: Replacement) -> Method:
    return one.draft.method if one.draft else "DELETE"


def _patient(one: Replacement) -> str | None:
    """Whom it is about; of a deletion, whom it was about."""
    return one.draft.index.patient if one.draft else one.current.patient


def _version(one: Replacement, at: datetime, body: bytes | None) -> Version:
    current = one.current
    return Version(current.type, current.id, current.version + 1, at, _method(one), body, _patient(one))
