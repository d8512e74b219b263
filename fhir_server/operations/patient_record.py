"""The record of one patient, a page at a time: the Patient, what is about them, what else is in their compartment.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html

One walk in the order of `resource_patient_date`: type by type, the newest date first. What names the patient in another
role (`Appointment.actor`) follows. Whatever is about another Patient is not of this record, nor are Groups, which name many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.compartments import members
from fhir_server.definitions.types import RESOURCE_TYPE_NAMES, RESOURCE_TYPES
from fhir_server.operations.mentions import names
from fhir_server.operations.record_scope import PATIENT, Scope
from fhir_server.search.params import reference
from fhir_server.search.params.catalog import served
from fhir_server.store.predicate import Predicate

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

_NO_RECORDS: Final = frozenset({"Group", PATIENT})
_ALL: Final = "infinity"
_BEFORE_FIRST: Final = -1
_AFTER_LAST: Final = 2**62
_NEARBY: Final = 3
_WINDOW: Final = 16  # rows that are looked at for each of a page

_COLUMNS: Final = "r.type, r.id, r.rid, r.date_lo, r.body"

_PATIENT: Final = f"""
SELECT {_COLUMNS} FROM resource r WHERE r.type = %s AND r.id = %s AND NOT r.deleted AND {{wanted}}"""

_ABOUT: Final = f"""
SELECT k.type, k.id, k.rid, k.date_lo, k.body FROM patient_key p
  CROSS JOIN unnest(%s::smallint[], %s::timestamptz[], %s::bigint[], %s::bigint[]) AS t (type, until, rid, undated)
  CROSS JOIN LATERAL (
    (SELECT {_COLUMNS} FROM resource r
      WHERE r.type = t.type AND r.patient + 0 = p.key AND r.date_lo IS NULL AND r.rid > t.undated
        AND NOT r.deleted AND {{wanted}} ORDER BY r.rid LIMIT {{limit}})
    UNION ALL
    (SELECT {_COLUMNS} FROM resource r
      WHERE r.type = t.type AND r.patient + 0 = p.key AND r.date_lo <= t.until
        AND (r.date_lo < t.until OR r.rid > t.rid)
        AND NOT r.deleted AND {{wanted}} ORDER BY r.date_lo DESC, r.rid LIMIT {{limit}})) AS k
 WHERE p.id = %s ORDER BY k.type, k.date_lo DESC NULLS FIRST, k.rid LIMIT {{limit}}"""

# without the bodies until a page is chosen: the Provenances of a patient's devices are many
_NAMED: Final = f"""
WITH named AS MATERIALIZED (SELECT r.rid FROM resource r WHERE {{naming}} AND r.rid > %s)
SELECT {_COLUMNS} FROM (SELECT rid FROM named ORDER BY rid LIMIT {{limit}}) AS page JOIN resource r USING (rid)
 ORDER BY r.rid"""

_NEAR: Final = f"""
SELECT {_COLUMNS} FROM (SELECT * FROM resource WHERE rid > %s ORDER BY rid LIMIT {{window}}) AS r
 WHERE {{naming}} ORDER BY r.rid LIMIT {{limit}}"""


class Place(NamedTuple):
    """Where a walk is: its part (0 the Patient, 1 about them, 2 naming them) and the row; `date` as PostgreSQL writes it.

    Part 3 is part 2 where what names the patient is so much of what was stored that the next will be near.
    """

    part: int
    type: int
    date: str | None
    rid: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of the record and its place in the walk."""

    type: str
    id: str
    body: str
    place: Place


START: Final = Place(0, 0, None, _BEFORE_FIRST)


async def page(connection: Connection, patient: str, scope: Scope, after: Place, limit: int) -> list[Entry]:
    """The next `limit` resources of the record after `after`, fewer when it ends."""
    found: list[Entry] = []
    start = min(after.part, len(_PARTS) - 1)
    for number, part in enumerate(_PARTS):
        if start <= number and len(found) < limit:
            place = after if start == number else START
            found += await part(connection, patient, scope, place, limit - len(found))
    return found


async def _patient(
    connection: Connection,
    patient: str,
    scope: Scope,
    after: Place,
    limit: int,  # noqa: ARG001 - one is all there is
) -> list[Entry]:
    if after.rid != _BEFORE_FIRST or PATIENT not in scope.granted:
        return []
    wanted = scope.wanted([PATIENT])
    sql = _PATIENT.format(wanted=wanted.sql)
    return await _entries(connection, 0, sql, (RESOURCE_TYPES[PATIENT], patient, *wanted.params))


async def _about(connection: Connection, patient: str, scope: Scope, after: Place, limit: int) -> list[Entry]:
    numbers = sorted(RESOURCE_TYPES[type] for type in scope.granted if type in about() and type != PATIENT)
    left = [number for number in numbers if number >= after.type]
    if not left:
        return []
    resumed = after.rid != _BEFORE_FIRST and left[0] == after.type
    dated = resumed and after.date is not None
    first = (after.date if dated else _ALL, after.rid if dated else _BEFORE_FIRST)
    undated = _AFTER_LAST if dated else after.rid if resumed else _BEFORE_FIRST
    rest = len(left) - 1
    wanted = scope.wanted([RESOURCE_TYPE_NAMES[number] for number in left])
    sql = _ABOUT.format(wanted=wanted.sql, limit=limit)
    bounds = (
        left,
        [first[0], *[_ALL] * rest],
        [first[1], *[_BEFORE_FIRST] * rest],
        [undated, *[_BEFORE_FIRST] * rest],
    )
    return await _entries(connection, 1, sql, (*bounds, *wanted.params, *wanted.params, patient))


async def _named(connection: Connection, patient: str, scope: Scope, after: Place, limit: int) -> list[Entry]:
    types = [type for type in roles() if type in scope.granted]
    if not types:
        return []
    naming, window = _naming(patient, types, scope), limit * _WINDOW
    found: list[Entry] = []
    if after.part == _NEARBY:
        sql = _NEAR.format(naming=naming.sql, limit=limit, window=window)
        found = await _entries(connection, _NEARBY, sql, (after.rid, *naming.params))
    if len(found) < limit:
        sql = _NAMED.format(naming=naming.sql, limit=limit)
        found = await _entries(connection, 2, sql, (*naming.params, after.rid))
    if len(found) == limit and found[-1].place.rid - found[0].place.rid < window:
        found = [replace(entry, place=entry.place._replace(part=_NEARBY)) for entry in found]
    # a token is a hash: only what names the patient in so many words is of their record
    return [entry for entry in found if names(entry.body, PATIENT, patient, scope.base_url)]


def _naming(patient: str, types: Sequence[str], scope: Scope) -> Predicate:
    """The rows of `types` that name the patient, as far as they are wanted."""
    tokens = [
        reference.token(served(type)[code].prefix, f"{PATIENT}/{patient}")
        for type in types
        for code in roles()[type]
    ]
    wanted, numbers = scope.wanted(types), [RESOURCE_TYPES[type] for type in types]
    sql = f"r.type = ANY(%s) AND r.tokens && %s::bigint[] AND r.patient IS NULL AND NOT r.deleted AND {wanted.sql}"
    return Predicate(sql, (numbers, tokens, *wanted.params))


_PARTS: Final = (_patient, _about, _named)


@cache
def about() -> frozenset[str]:
    """The types that say by an element of their own which one Patient they are about."""
    return frozenset(
        type for type in RESOURCE_TYPES if any(one.column == "patient" for one in served(type).values())
    )


@cache
def roles() -> Mapping[str, tuple[str, ...]]:
    """The parameters by which a type puts its resources into the compartment in another way, by type."""
    return {
        type: found
        for type, codes in members(PATIENT).items()
        if type not in _NO_RECORDS and (found := tuple(code for code in codes if _is_role(type, code)))
    }


def _is_role(type: str, code: str) -> bool:
    parameter = served(type).get(code)
    return parameter is not None and parameter.column != "patient"


async def _entries(connection: Connection, part: int, sql: str, params: tuple[object, ...]) -> list[Entry]:
    statement = f"SELECT type, id, rid, date_lo::text, body::text FROM ({sql}) AS found"
    cursor = await connection.execute(statement, params, prepare=False)
    return [
        Entry(RESOURCE_TYPE_NAMES[type], id, body, Place(part, type, date, rid))
        for type, id, rid, date, body in await cursor.fetchall()
    ]
