"""A search of the audit: its parameters as conditions over the records.

https://hl7.org/fhir/R4/auditevent.html#search

The audit is no resource among the others: of the parameters of AuditEvent those are served that its columns answer, and
every other one is refused.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from fhir_server.audit.event import DICOM, INTERACTION, LOCAL, SUBJECT, TYPES, actions_of
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch, UnknownParameter
from fhir_server.search.params.date import Asked, asked
from fhir_server.search.params.prefix import prefixed
from fhir_server.store.audit.finding import Condition
from fhir_server.store.audit.rows import first_id

SHAPING: Final = frozenset({"_count", "_sort", "_cursor", "_format", "_pretty"})
MOST: Final = 9

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_SORTS: Final = MappingProxyType({"-date": True, "-_lastUpdated": True, "date": False, "_lastUpdated": False})
_NOTHING: Final = Condition("FALSE")


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is asked: records that meet all `conditions`, at most `count` of them, after the record `after`."""

    conditions: tuple[Condition, ...]
    newest_first: bool
    count: int
    after: UUID | None


def audit_query(
    pairs: Sequence[tuple[str, str]], base_url: str, now: datetime, default_count: int, max_count: int
) -> AuditQuery:
    """The search that `pairs` ask for. Raises UnknownParameter for one that is not served, InvalidSearch for a bad value."""
    shape = {name: value for name, value in pairs if name in SHAPING}
    reading = _Reading(base_url, now)
    conditions = [_condition(name, value, reading) for name, value in pairs if name not in SHAPING]
    count = _count(shape.get("_count"), default_count)
    return AuditQuery(
        tuple(conditions),
        _newest_first(shape.get("_sort")),
        min(count, max_count),
        _after(shape.get("_cursor")),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    base_url: str
    now: datetime


def _condition(name: str, value: str, reading: _Reading) -> Condition:
    made = PARAMETERS.get(name)
    if made is None:
        raise UnknownParameter(
            f"The parameter {name[:60]!r} is not served for AuditEvent. It takes {', '.join(sorted(PARAMETERS))}.",
            name[:60],
        )
    values = [one for one in value.split(",") if one]
    if not values:
        raise InvalidSearch(f"{name} is empty. Give it a value, or leave it out.", name)
    try:
        return made(values, reading)
    except ValueError as error:
        raise InvalidSearch(f"{name}={value[:60]!r} {error}.", name) from error


def _of_ids(values: Sequence[str], _: _Reading) -> Condition:
    return Condition("id = ANY(%s)", ([UUID(one) for one in values if _is_uuid(one)],))


def _of_dates(values: Sequence[str], reading: _Reading) -> Condition:
    found = [_of_date(asked(*prefixed(one), reading.now)) for one in values]
    return Condition(
        " OR ".join(f"({one.sql})" for one in found), tuple(value for one in found for value in one.params)
    )


def _of_date(asked: Asked) -> Condition:
    lo, hi = first_id(asked.lo), first_id(asked.hi)
    match asked.prefix:
        case "eq" | "ap":
            return Condition("id >= %s AND id < %s", (lo, hi))
        case "ne":
            return Condition("id < %s OR id >= %s", (lo, hi))
        case "gt" | "sa":
            return Condition("id >= %s", (hi,))
        case "ge":
            return Condition("id >= %s", (lo,))
        case "lt" | "eb":
            return Condition("id < %s", (lo,))
        case "le":
            return Condition("id < %s", (hi,))


def _of_patients(values: Sequence[str], reading: _Reading) -> Condition:
    ids = [_reference(one, reading, "Patient")[1] for one in values]
    return Condition("patient = ANY(%s) OR who = ANY(%s)", (ids, [f"Patient/{id}" for id in ids]))


def _of_entities(values: Sequence[str], reading: _Reading) -> Condition:
    pairs = [_reference(one, reading) for one in values]
    patients = [id for type, id in pairs if type == "Patient"]
    return Condition(
        "entity = ANY(%s) AND (type, entity) IN (SELECT * FROM unnest(%s::text[], %s::text[])) OR patient = ANY(%s)",
        ([id for _, id in pairs], [type for type, _ in pairs], [id for _, id in pairs], patients),
    )


def _of_agents(values: Sequence[str], reading: _Reading) -> Condition:
    return Condition("who = ANY(%s)", (["/".join(_reference(one, reading)) for one in values],))


def _of_subjects(values: Sequence[str], _: _Reading) -> Condition:
    tokens = [_token(one) for one in values]
    return Condition("subject = ANY(%s)", ([code for system, code in tokens if system in (None, SUBJECT)],))


def _of_types(values: Sequence[str], _: _Reading) -> Condition:
    tokens = [_token(one) for one in values]
    kinds = [
        kind
        for kind, (system, code, _) in TYPES.items()
        if any(code == asked and by in (None, system) for by, asked in tokens)
    ]
    return Condition("kind = ANY(%s)", (kinds,))


def _of_subtypes(values: Sequence[str], _: _Reading) -> Condition:
    rest, others = list[str](), list[str]()
    for system, code in map(_token, values):
        if system in (None, INTERACTION):
            rest.append(code)
        if system in (None, LOCAL):
            others.append(code)
        if system in (None, DICOM):
            others += {"110122": ["login"], "110123": ["logout"]}.get(code, [])
    return Condition(
        "kind = 'rest' AND action = ANY(%s) OR kind <> 'rest' AND action = ANY(%s)", (rest, others)
    )


def _of_actions(values: Sequence[str], _: _Reading) -> Condition:
    found = [actions_of(_token(one)[1]) for one in values]
    return Condition(" OR ".join(sql for sql, _ in found), tuple(names for _, names in found))


def _of_outcomes(values: Sequence[str], _: _Reading) -> Condition:
    codes = [_token(one)[1] for one in values]
    return Condition("outcome = ANY(%s)", ([int(code) for code in codes if code in ("0", "4", "8", "12")],))


PARAMETERS: Final[MappingProxyType[str, Callable[[Sequence[str], _Reading], Condition]]] = MappingProxyType(
    {
        "_id": _of_ids,
        "_lastUpdated": _of_dates,
        "date": _of_dates,
        "agent": _of_agents,
        "agent:identifier": _of_subjects,
        "altid": _of_subjects,
        "patient": _of_patients,
        "entity": _of_entities,
        "type": _of_types,
        "subtype": _of_subtypes,
        "action": _of_actions,
        "outcome": _of_outcomes,
    }
)


def _reference(text: str, reading: _Reading, default: str = "") -> tuple[str, str]:
    """Type and id; raises ValueError for what names no resource of this server."""
    type, slash, id = text.removeprefix(f"{reading.base_url}/").partition("/")
    if not slash and default:
        type, id = default, type
    if type not in RESOURCE_TYPES or not _ID.fullmatch(id) or (default and type != default):
        raise ValueError(f"names no {default or 'resource'} here. Write {default or 'Type'}/id")
    return type, id


def _token(text: str) -> tuple[str | None, str]:
    """System and code; None for any system."""
    system, bar, code = text.rpartition("|")
    return (system if bar else None), code


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36


def _count(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < len(text) <= MOST or int(text) == 0:
        raise InvalidSearch(f"_count={text[:40]!r} is no number of entries. Write 1 or more.", "_count")
    return int(text)


def _newest_first(text: str | None) -> bool:
    if text is None:
        return True
    found = _SORTS.get(text)
    if found is None:
        raise InvalidSearch(
            f"_sort={text[:40]!r} is not served for AuditEvent. Write date or -date.", "_sort"
        )
    return found


def _after(text: str | None) -> UUID | None:
    if text is None:
        return None
    if not _is_uuid(text):
        raise InvalidSearch("_cursor is not one of a next link. Search from the start.", "_cursor")
    return UUID(text)
