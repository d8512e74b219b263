"""What will be asked of the database, decided: conditions, order, page, and who may see it.

https://hl7.org/fhir/R4/search.html#errors
"""

from dataclasses import dataclass
from typing import Literal

from fhir_server.errors import InvalidSearch
from fhir_server.search.criteria import condition
from fhir_server.search.params import quantity, reference
from fhir_server.search.params.catalog import served, unserved
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import Criterion, Parsed
from fhir_server.search.sort import Sort, newest_first, sort
from fhir_server.search.summary import Shape, shape
from fhir_server.store.predicate import Predicate

Handling = Literal["strict", "lenient"]

_NOT_YET = frozenset({"_include", "_revinclude", "_has", "_filter", "_list", "_query", "_type", "_contained"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The server's bounds of a page."""

    default_count: int
    max_count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A search that can be carried out; nothing leads past `access`.

    `criteria` are those that were understood, `ignored` tells of the others; `count` 0 asks for the total only.
    """

    resource_type: str
    access: Predicate
    conditions: tuple[AnyCondition, ...]
    sort: Sort
    count: int
    total: bool
    shape: Shape
    criteria: tuple[Criterion, ...]
    ignored: tuple[str, ...]
    result: tuple[tuple[str, str], ...]
    base_url: str


def plan(parsed: Parsed, access: Predicate, handling: Handling, limits: Limits, reading: Reading) -> Plan:
    """The plan of the query. Raises InvalidSearch for what is not served, unless `handling` is lenient, and for bad values."""
    conditions, criteria, ignored = _conditions(parsed, handling, reading)
    result = parsed.result
    count = _count(result.get("_count"), limits)
    if result.get("_summary") == "count":
        count = 0
    order = (
        sort(parsed.resource_type, result["_sort"])
        if "_sort" in result
        else _default_sort(parsed, conditions)
    )
    counted = _total(result.get("_total")) or count == 0
    if counted:
        _refuse_what_cannot_be_counted(conditions)
    return Plan(
        resource_type=parsed.resource_type,
        access=access,
        conditions=conditions,
        sort=order,
        count=count,
        total=counted,
        shape=shape(parsed.resource_type, result.get("_summary"), result.get("_elements")),
        criteria=criteria,
        ignored=ignored,
        result=(*_understood(parsed, count), *parsed.representation),
        base_url=reading.base_url,
    )


def patients(wanted: AnyCondition) -> tuple[str, ...] | None:
    """The ids, when the condition is met exactly by resources about one of these Patients; else None."""
    if wanted.parameter.column != "patient" or wanted.modifier:
        return None
    keys = [key for one in wanted.asked if isinstance(one, reference.Asked) for key in one.keys]
    ids = [reference.patient_id(key) for key in keys]
    return tuple(id for id in ids if id is not None) if None not in ids else None


def _conditions(
    parsed: Parsed, handling: Handling, reading: Reading
) -> tuple[tuple[AnyCondition, ...], tuple[Criterion, ...], tuple[str, ...]]:
    parameters = served(parsed.resource_type)
    conditions, criteria, ignored = [], [], []
    for criterion in parsed.criteria:
        parameter = None if "." in criterion.modifier else parameters.get(criterion.name)
        if parameter is None:
            ignored.append(_refusal(parsed.resource_type, criterion))
            if handling == "strict":
                raise InvalidSearch(ignored[-1], criterion.label[:100])
            continue
        conditions.append(condition(parameter, criterion, reading))
        criteria.append(criterion)
    return tuple(conditions), tuple(criteria), tuple(ignored)


def _refusal(resource_type: str, criterion: Criterion) -> str:
    name = criterion.name[:100]
    if name in _NOT_YET or "." in criterion.label:
        return f"{criterion.label[:100]} is not served here. Leave it out."
    reason = unserved(resource_type).get(name)
    if reason is not None:
        return f"{resource_type} parameter {name} is not served: {reason}. Leave it out."
    return f"{resource_type} has no search parameter {name}. The CapabilityStatement lists those it has."


def _count(text: str | None, limits: Limits) -> int:
    if text is None:
        return min(limits.default_count, limits.max_count)
    if not (text.isascii() and text.isdigit()):
        raise InvalidSearch(
            f"_count={text[:40]} is no count. Give a whole number, 0 for the total only.", "_count"
        )
    return min(int(text[:9]), limits.max_count)


def _total(text: str | None) -> bool:
    if text not in {None, "none", "estimate", "accurate"}:
        raise InvalidSearch(f"_total={text[:40]} is unknown. It takes none, estimate or accurate.", "_total")
    return text in {"estimate", "accurate"}


def _refuse_what_cannot_be_counted(conditions: tuple[AnyCondition, ...]) -> None:
    """The database cannot tell a number and a unit without system of one component from those of two."""
    for one in conditions:
        loose = any(isinstance(q, quantity.Asked) and q.code and q.system is None for q in one.asked)
        if loose and one.parameter.repeats:
            raise InvalidSearch(
                f"{one.parameter.code}=number||unit cannot be counted. Name the unit's system, or ask for no total.",
                one.parameter.code,
            )


def _default_sort(parsed: Parsed, conditions: tuple[AnyCondition, ...]) -> Sort:
    """Newest first where a patient is asked about, the order of ids otherwise: each the order of an index."""
    if any(patients(one) is not None for one in conditions):
        return newest_first(parsed.resource_type) or sort(parsed.resource_type, "_id")
    if any(one.parameter.column == "last_updated" for one in conditions):
        return sort(parsed.resource_type, "_lastUpdated")
    return sort(parsed.resource_type, "_id")


def _understood(parsed: Parsed, count: int) -> tuple[tuple[str, str], ...]:
    shown = {**parsed.result}
    if "_count" in shown:
        shown["_count"] = str(count)
    return tuple(shown.items())
