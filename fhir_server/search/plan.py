"""What will be asked of the database, decided: conditions, order, page, and who may see it.

https://hl7.org/fhir/R4/search.html#errors
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden, InvalidSearch, UnknownParameter
from fhir_server.search import compartment
from fhir_server.search.access import Access, Confined
from fhir_server.search.branch import AnyOf, Branch, Chained, Wanted
from fhir_server.search.include import Inclusion, inclusion, is_known
from fhir_server.search.params import reference
from fhir_server.search.params.parameter import Condition, Reading
from fhir_server.search.parse import Criterion, Include, Parsed
from fhir_server.search.sort import Sort, newest_first, sort, sort_across_types
from fhir_server.search.summary import Shape, shape
from fhir_server.search.wanted import Terms, wanted

Handling = Literal["strict", "lenient"]
Total = Literal["estimate", "accurate"]
_Ignore: TypeAlias = Callable[[UnknownParameter], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """The server's bounds of a search."""

    default_count: int
    max_count: int
    max_chain: int = 3
    max_include: int = 1_000
    next_link_seconds: int = 3_600


@dataclass(frozen=True, slots=True)
class Plan:
    """A search that can be carried out: a branch for each type, several when it is asked of the system or a compartment.

    `place` is its path below the server's address. `criteria` and `includes` are those that were understood, `ignored`
    tells of the others; `count` 0 asks for the total only.
    """

    place: str
    branches: tuple[Branch, ...]
    sort: Sort
    count: int
    total: Total | None
    shape: Shape
    criteria: tuple[Criterion, ...]
    includes: tuple[Include, ...]
    inclusion: Inclusion | None
    ignored: tuple[str, ...]
    result: tuple[tuple[str, str], ...]
    base_url: str

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """What a search of one type demands; of several, nothing that holds for all of them alike."""
        return self.branches[0].wanted if len(self.branches) == 1 else ()


def plan(parsed: Parsed, access: Access, handling: Handling, limits: Limits, reading: Reading) -> Plan:
    """The plan of the query. Raises InvalidSearch for what is not served, unless `handling` is lenient, and for bad values.

    Raises Forbidden where the caller may not search a type that is asked for or led over.
    """
    ignored = list[str]()

    def ignore(error: UnknownParameter) -> None:
        if handling == "strict":
            raise error
        ignored.append(str(error))

    types = _types(parsed, access)
    branches, criteria = _branches(parsed, types, Terms(access, reading, limits.max_chain), ignore)
    includes, included = _inclusion(parsed, types, access, limits, ignore)
    result = parsed.result
    _check_contained(result.get("_contained"))
    count = 0 if result.get("_summary") == "count" else _count(result.get("_count"), limits)
    total = _total(result.get("_total")) or ("accurate" if count == 0 else None)
    return Plan(
        place=parsed.place,
        branches=branches,
        sort=_sort(result.get("_sort"), types, branches),
        count=count,
        total=total,
        shape=shape(types, result.get("_summary"), result.get("_elements")),
        criteria=criteria,
        includes=includes,
        inclusion=included,
        ignored=tuple(ignored),
        result=(*_understood(parsed, count), *parsed.representation),
        base_url=reading.base_url,
    )


def patients(wanted: Wanted) -> tuple[str, ...] | None:
    """The ids, when it is met by resources about one of these Patients, or in a compartment otherwise too; else None."""
    if isinstance(wanted, AnyOf):
        return patients(wanted.conditions[0])
    if not isinstance(wanted, Condition) or wanted.parameter.column != "patient" or wanted.modifier:
        return None
    keys = [key for one in wanted.asked if isinstance(one, reference.Asked) for key in one.keys]
    ids = [reference.patient_id(key) for key in keys]
    return tuple(id for id in ids if id is not None) if None not in ids else None


def is_coded(wanted: Wanted) -> bool:
    """Whether it names the codings that a resource's `code` must have one of."""
    return isinstance(wanted, Condition) and wanted.parameter.coded and not wanted.modifier


def chained_patients(wanted: Wanted) -> Branch | None:
    """The Patients, when it is met exactly by resources about one of them; else None."""
    if not isinstance(wanted, Chained) or wanted.parameter.column != "patient" or len(wanted.targets) != 1:
        return None
    return wanted.targets[0] if wanted.targets[0].resource_type == "Patient" else None


def _types(parsed: Parsed, access: Access) -> tuple[str, ...]:
    """The types that are searched: all that the caller may search, where none is named."""
    named = parsed.result.get("_type")
    if parsed.resource_type:
        if named is not None:
            raise InvalidSearch(
                f"_type goes with a search of all types, and this one is of {parsed.resource_type}. Leave it out.",
                "_type",
            )
        return (parsed.resource_type,)
    known = compartment.types(parsed.compartment.type) if parsed.compartment else tuple(RESOURCE_TYPES)
    if named is None:
        return _searchable(known, access)
    types = tuple(dict.fromkeys(named.split(",")))
    for one in types:
        if one not in known:
            where = f"in a {parsed.compartment.type} compartment" if parsed.compartment else "a resource type"
            raise InvalidSearch(f"_type={one[:60]} is not {where}. Types are case-sensitive.", "_type")
    return types


def _searchable(types: Sequence[str], access: Access) -> tuple[str, ...]:
    found, refused = list[str](), list[Forbidden]()
    for one in types:
        try:
            access(one, "search")
        except Forbidden as error:
            refused.append(error)
        else:
            found.append(one)
    if not found:
        raise refused[0]
    return tuple(found)


def _branches(
    parsed: Parsed, types: Sequence[str], terms: Terms, ignore: _Ignore
) -> tuple[tuple[Branch, ...], tuple[Criterion, ...]]:
    each: dict[str, list[Wanted]] = {one: _place(parsed, one, terms) for one in types}
    criteria = []
    for criterion in parsed.criteria:
        try:
            met = {one: wanted(one, criterion, terms) for one in types}
        except UnknownParameter as error:
            ignore(error)
            continue
        criteria.append(criterion)
        for one, demand in met.items():
            each[one].append(demand)
    branches = tuple(_branch(one, terms, demands) for one, demands in each.items())
    return branches, tuple(criteria)


def _branch(resource_type: str, terms: Terms, demands: list[Wanted]) -> Branch:
    """What is wanted of the type; whoever may see certain patients' records only is taken to ask about these first of all.

    So what they ask takes no longer for what others' records hold.
    """
    seen = terms.access(resource_type, "search")
    if isinstance(seen, Confined) and not any(set(patients(one) or ()) == seen.patients for one in demands):
        demands = [compartment.about(resource_type, seen.patients, terms.reading), *demands]
    return Branch(resource_type, seen, tuple(demands))


def _place(parsed: Parsed, resource_type: str, terms: Terms) -> list[Wanted]:
    if parsed.compartment is None:
        return []
    return [compartment.membership(resource_type, parsed.compartment, terms.reading)]


def _inclusion(
    parsed: Parsed, types: Sequence[str], access: Access, limits: Limits, ignore: _Ignore
) -> tuple[tuple[Include, ...], Inclusion | None]:
    if not parsed.includes:
        return (), None
    if parsed.result.get("_summary") == "text":
        name = parsed.includes[0].name.partition(":")[0]
        raise InvalidSearch(f"{name} and _summary=text exclude each other. Give one of them.", name)
    try:
        return parsed.includes, inclusion(parsed.includes, types, access, limits.max_include)
    except UnknownParameter as error:
        ignore(error)
    understood = [one for one in parsed.includes if is_known(one)]
    return tuple(understood), inclusion(understood, types, access, limits.max_include)


def _check_contained(text: str | None) -> None:
    if text not in {None, "false"}:
        raise InvalidSearch(
            f"_contained={text[:40]} is not served: contained resources are not searched. Leave it out.",
            "_contained",
        )


def _count(text: str | None, limits: Limits) -> int:
    if text is None:
        return min(limits.default_count, limits.max_count)
    if not (text.isascii() and text.isdigit()):
        raise InvalidSearch(
            f"_count={text[:40]} is no count. Give a whole number, 0 for the total only.", "_count"
        )
    return min(int(text[:9]), limits.max_count)


def _total(text: str | None) -> Total | None:
    match text:
        case None | "none":
            return None
        case "estimate" | "accurate":
            return text
    raise InvalidSearch(f"_total={text[:40]} is unknown. It takes none, estimate or accurate.", "_total")


def _sort(text: str | None, types: Sequence[str], branches: Sequence[Branch]) -> Sort:
    if text is None:
        return _default_sort(types, branches[0].wanted)
    return sort(types[0], text) if len(types) == 1 else sort_across_types(text)


def _default_sort(types: Sequence[str], demands: Sequence[Wanted]) -> Sort:
    """Newest first where a patient or a code is asked about, the order of ids otherwise: each the order of an index.

    What is written between two pages moves nothing in these, unless `_lastUpdated` is what was asked about.
    """
    if any(isinstance(one, Condition) and one.parameter.column == "last_updated" for one in demands):
        by = "_lastUpdated"
    else:
        by = "_id"
    if len(types) > 1:
        return sort_across_types(by)
    walked = any(patients(one) is not None or chained_patients(one) or is_coded(one) for one in demands)
    return (newest_first(types[0]) if walked else None) or sort(types[0], by)


def _understood(parsed: Parsed, count: int) -> tuple[tuple[str, str], ...]:
    shown = {**parsed.result}
    if "_count" in shown:
        shown["_count"] = str(count)
    return tuple(shown.items())
