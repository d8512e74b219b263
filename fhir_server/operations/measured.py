"""The measured values of Observations, as a query with a row for each.

https://hl7.org/fhir/R4/observation-operation-stats.html

A value counts when it is a Quantity in a UCUM unit without a comparator: the Observation's own, a component's, or that of
a member of a panel. What has another value, or none, is a row without a value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.operations.selection import OBSERVATION, Selection
from fhir_server.search.params import hashes, token
from fhir_server.search.params.catalog import served
from fhir_server.search.params.date import stamp
from fhir_server.search.params.sql import conjunction
from fhir_server.store.predicate import Predicate

UCUM: Final = "http://unitsofmeasure.org"

_UNIT: Final = "LEFT JOIN unit u ON u.hash = {row}.value_unit AND u.system = '" + UCUM + "'"
_VALUE: Final = """CASE WHEN u.code IS NOT NULL AND {row}.value_lo = {row}.value_hi AND {row}.body ? 'valueQuantity'
 AND NOT {row}.body ? 'modifierExtension' THEN {row}.value_lo END"""
_OF_COMPONENT: Final = f"""CASE WHEN c -> 'valueQuantity' ->> 'system' = '{UCUM}' AND c -> 'valueQuantity' ? 'code'
 AND NOT c -> 'valueQuantity' ? 'comparator' AND NOT c ? 'modifierExtension' AND NOT r.body ? 'modifierExtension'
 THEN (c -> 'valueQuantity' ->> 'value')::numeric END"""

_LABEL: Final = """CASE WHEN {code} #> '{{coding,0}}' ? 'code'
 THEN jsonb_build_object('coding', jsonb_build_array(({code} #> '{{coding,0}}') - '{{display,version,userSelected,id,extension}}'::text[]))
 ELSE jsonb_build_object('text', {code} ->> 'text') END"""


class Coding(NamedTuple):
    """A code that is asked for; without a system (None) it is that code in any."""

    system: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which Observations are looked at, for which codes, in which time `[lo, hi)`."""

    selected: Selection
    codings: tuple[Coding, ...]
    lo: datetime
    hi: datetime


def measured(wanted: Wanted) -> Predicate:
    """The query: the number of the code asked for, the code of a component or member (NULL: that one), rid, time, value, unit."""
    parts = [part for n, coding in enumerate(wanted.codings) for part in _of_coding(wanted, n, coding)]
    return Predicate(
        " UNION ALL ".join(one.sql for one in parts), tuple(v for one in parts for v in one.params)
    )


def each(wanted: Wanted) -> Predicate:
    """The query for all values, whatever their code: concept, device, rid, time, value, unit."""
    about = _about(wanted)
    has_components = hashes.present(served(OBSERVATION)["component-code"].prefix)
    sql = f"""
SELECT m.concept, r.body #>> '{{device,reference}}' AS device, r.rid, r.date_lo AS at, m.value, m.unit
  FROM resource r {_UNIT.format(row="r")} CROSS JOIN LATERAL (
    SELECT r.body -> 'code' AS concept, {_VALUE.format(row="r")} AS value, u.code AS unit
    UNION ALL
    SELECT c -> 'code', {_OF_COMPONENT}, c -> 'valueQuantity' ->> 'code' FROM jsonb_array_elements(
      CASE WHEN r.tokens @> '{{{has_components}}}'::bigint[] THEN r.body -> 'component' END) AS c) AS m
 WHERE m.value IS NOT NULL AND {about.sql}"""
    return Predicate(sql, about.params)


def _of_coding(wanted: Wanted, n: int, coding: Coding) -> Iterator[Predicate]:
    """A part for each way in which Observations carry the code."""
    about = _about(wanted)
    asked = token.Asked(coding.system, coding.code)
    sets = token.code_sets([asked])
    coded = conjunction([about, Predicate(f"r.code_set = ANY(ARRAY({sets.sql}))", sets.params)])
    held = token.asked_token(served(OBSERVATION)["component-code"].prefix, asked)
    holding = conjunction([about, Predicate("r.tokens @> %s::bigint[]", ([held],))])
    yield _own(n, coded)
    yield _of_components(n, coding, holding)
    yield _of_members(n, coded, about, wanted.selected.base_url)


def _about(wanted: Wanted) -> Predicate:
    """The rows about the subject within the time."""
    found = [
        wanted.selected.rows,
        Predicate(
            "r.date_lo >= %s::timestamptz AND r.date_lo < %s::timestamptz AND isfinite(r.date_lo)",
            (stamp(wanted.lo), stamp(wanted.hi)),
        ),
    ]
    patient = wanted.selected.patient
    if patient is not None:
        found.append(Predicate("r.patient = (SELECT key FROM patient_key WHERE id = %s)", (patient,)))
    return conjunction(found)


def _own(n: int, coded: Predicate) -> Predicate:
    """Observations with the code: their own value, and where the code is that of a panel, their components'."""
    has_components = hashes.present(served(OBSERVATION)["component-code"].prefix)
    sql = f"""
SELECT {n} AS asked, m.code, r.rid, r.date_lo AS at, m.value, m.unit
  FROM resource r {_UNIT.format(row="r")} CROSS JOIN LATERAL (
    SELECT NULL::jsonb AS code, {_VALUE.format(row="r")} AS value, u.code AS unit
    UNION ALL
    SELECT {_LABEL.format(code="(c -> 'code')")}, {_OF_COMPONENT}, c -> 'valueQuantity' ->> 'code' FROM jsonb_array_elements(
      CASE WHEN r.tokens @> '{{{has_components}}}'::bigint[] THEN r.body -> 'component' END) AS c) AS m
 WHERE {coded.sql}"""
    return Predicate(sql, coded.params)


def _of_components(n: int, coding: Coding, holding: Predicate) -> Predicate:
    """Components with the code, in Observations with whatever code."""
    example = {
        "code": {"coding": [{name: value for name, value in coding._asdict().items() if value is not None}]}
    }
    sql = f"""
SELECT {n}, NULL::jsonb, r.rid, r.date_lo, {_OF_COMPONENT}, c -> 'valueQuantity' ->> 'code'
  FROM resource r CROSS JOIN LATERAL jsonb_array_elements(r.body -> 'component') AS c
 WHERE {holding.sql} AND c @> %s::jsonb"""
    return Predicate(sql, (*holding.params, orjson.dumps(example).decode()))


def _of_members(n: int, coded: Predicate, about: Predicate, base_url: str) -> Predicate:
    """Members of Observations with the code, as far as they are Observations of the same subject and time."""
    has_members = hashes.present(served(OBSERVATION)["has-member"].prefix)
    sql = f"""
SELECT {n}, {_LABEL.format(code="(o.body -> 'code')")}, o.rid, o.date_lo, {_VALUE.format(row="o")}, u.code
  FROM (SELECT DISTINCT substring(replace(h ->> 'reference', %s, '')
                                  FROM '^Observation/([A-Za-z0-9.-]{{1,64}})(?:/_history/[0-9]+)?$') AS id
          FROM resource r CROSS JOIN LATERAL jsonb_array_elements(r.body -> 'hasMember') AS h
         WHERE {coded.sql} AND r.tokens @> '{{{has_members}}}'::bigint[]) AS named
  CROSS JOIN LATERAL (
    SELECT r.* FROM (SELECT * FROM resource WHERE type = {RESOURCE_TYPES[OBSERVATION]} AND id = named.id OFFSET 0) AS r
     WHERE {about.sql}) AS o {_UNIT.format(row="o")}"""
    return Predicate(sql, (f"{base_url}/", *coded.params, *about.params))
