"""The latest Observations of each code: one short walk along an ordered index for each set of codings.

https://hl7.org/fhir/R4/observation-operation-lastn.html

Sets of codings that share a coding are one group, and so are those that a third one joins; codes that are text only are
grouped by their text. The start of the effective time decides which is latest; what has none comes last, the newest first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson
import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.operations.selection import OBSERVATION, Selection
from fhir_server.store.predicate import Predicate

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

_ROW: Final = (
    "r.rid, r.code_set, CASE WHEN r.code_set IS NULL THEN r.body -> 'code' ->> 'text' END AS text, r.date_lo"
)

# jumps from one set of codings of the patient to the next, then takes the first rows of each
_OF_PATIENT: Final = f"""
WITH RECURSIVE p AS (SELECT key FROM patient_key WHERE id = %s),
sets AS (
  (SELECT r.code_set FROM resource r
    WHERE r.type = {{type}} AND r.patient = (SELECT key FROM p) AND r.code_set IS NOT NULL
    ORDER BY r.code_set LIMIT 1)
  UNION ALL
  SELECT (SELECT r.code_set FROM resource r
           WHERE r.type = {{type}} AND r.patient = (SELECT key FROM p) AND r.code_set > sets.code_set
           ORDER BY r.code_set LIMIT 1)
    FROM sets WHERE sets.code_set IS NOT NULL),
latest AS (
  SELECT k.* FROM sets CROSS JOIN LATERAL (
    (SELECT {_ROW} FROM resource r
      WHERE r.patient = (SELECT key FROM p) AND r.code_set = sets.code_set AND r.date_lo IS NOT NULL AND {{rows}}
      ORDER BY r.date_lo DESC FETCH FIRST %s ROWS WITH TIES)
    UNION ALL
    (SELECT {_ROW} FROM resource r
      WHERE r.patient = (SELECT key FROM p) AND r.code_set = sets.code_set AND r.date_lo IS NULL AND {{rows}}
      ORDER BY r.rid DESC LIMIT %s)) AS k
   WHERE sets.code_set IS NOT NULL AND {{codings}}
  {{texts}})"""

_OF_TEXTS: Final = """UNION ALL
  SELECT rid, code_set, text, date_lo FROM (
    SELECT k.*, rank() OVER (PARTITION BY k.text ORDER BY k.date_lo DESC NULLS LAST) AS place FROM (
      SELECT {row} FROM resource r
       WHERE r.patient = (SELECT key FROM p) AND r.code_set IS NULL AND {rows}) AS k) AS ranked
   WHERE place <= %s"""

_OF_SUBJECT: Final = f"""
WITH latest AS (
  SELECT rid, code_set, text, date_lo FROM (
    SELECT k.*, rank() OVER (PARTITION BY k.code_set, k.text ORDER BY k.date_lo DESC NULLS LAST) AS place
      FROM (SELECT {_ROW} FROM resource r WHERE {{rows}}) AS k) AS ranked
   WHERE place <= %s)"""

_TAKE: Final = """
SELECT k.code_set, c.codings, k.text, k.date_lo::text, r.id, r.body::text
  FROM latest k JOIN resource r ON r.rid = k.rid LEFT JOIN code_set c ON c.key = k.code_set
 ORDER BY k.date_lo DESC NULLS LAST, k.rid DESC LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Row:
    """An Observation that may be among the latest: its codings, or the text of a code without any, and its date."""

    codings: tuple[str, ...]
    text: str | None
    date: str | None
    id: str
    body: str


async def candidates(connection: Connection, selected: Selection, number: int, most: int) -> list[Row]:
    """The latest `number` of each set of codings, ties included, newest first; at most `most` in all."""
    asked = statement(selected, number, most)
    cursor = await connection.execute(asked.sql, asked.params, prepare=False)
    return [
        Row(() if codings is None else tuple(orjson.loads(codings)), text, date, id, body)
        for _, codings, text, date, id, body in await cursor.fetchall()
    ]


def statement(selected: Selection, number: int, most: int) -> Predicate:
    """The statement that gives the candidates."""
    found = _of_subject(selected, number) if selected.patient is None else _of_patient(selected, number)
    return Predicate(found.sql + _TAKE, (*found.params, most))


def latest(rows: Sequence[Row], number: int) -> list[Row]:
    """Those of `rows`, which come newest first, that are among the latest `number` of their group, ties included."""
    groups = _groups(rows)
    taken: dict[str, int] = {}
    last: dict[str, str | None] = {}
    found = []
    for row in rows:
        group = groups[_member(row)]
        count = taken.get(group, 0)
        if count < number or (row.date is not None and row.date == last[group]):
            found.append(row)
            taken[group], last[group] = count + 1, row.date
    return found


def _of_patient(selected: Selection, number: int) -> Predicate:
    rows, codings = selected.rows, selected.codings
    listed = "TRUE" if codings is None else f"sets.code_set IN ({codings.sql})"
    texts = _OF_TEXTS.format(row=_ROW, rows=rows.sql) if codings is None else ""
    sql = _OF_PATIENT.format(type=RESOURCE_TYPES[OBSERVATION], rows=rows.sql, codings=listed, texts=texts)
    params = [selected.patient, *rows.params, number, *rows.params, number]
    params += [*rows.params, number] if codings is None else codings.params
    return Predicate(sql, tuple(params))


def _of_subject(selected: Selection, number: int) -> Predicate:
    rows = selected.rows
    return Predicate(_OF_SUBJECT.format(rows=rows.sql), (*rows.params, number))


def _groups(rows: Sequence[Row]) -> Mapping[str, str]:
    """The group of each member: codings of one Observation are one another's translations, and so on from there."""
    parents: dict[str, str] = {}

    def root(member: str) -> str:
        while (parent := parents.setdefault(member, member)) != member:
            parents[member] = parents[parent]
            member = parents[member]
        return member

    for members in dict.fromkeys(map(_members, rows)):
        first = root(members[0])
        for member in members[1:]:
            parents[root(member)] = first
    return {member: root(member) for member in parents}


def _members(row: Row) -> tuple[str, ...]:
    return row.codings or (f"text\0{row.text or ''}",)


def _member(row: Row) -> str:
    return _members(row)[0]
