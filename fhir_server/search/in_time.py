"""What to narrow in a search that the database ended for taking too long.

https://hl7.org/fhir/R4/search.html#errors
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from psycopg import errors as sqlstates

from fhir_server.errors import TooCostly
from fhir_server.search.branch import Branch, Chained, conditions_of
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.plan import Plan

Part = Literal["page", "total", "included"]


class _Advice(NamedTuple):
    """What the client can do, and the parameter that is first to blame (None: one that is missing)."""

    text: str
    expression: str | None


@contextmanager
def in_time(plan: Plan, part: Part) -> Iterator[None]:
    """Raises TooCostly, which names what to narrow, where the database ends a statement inside for its time."""
    try:
        yield
    except sqlstates.QueryCanceled as error:
        text, expression = _ADVICE[part](plan)
        told = f"The search took longer than this server allows. {text}"
        raise TooCostly(told, code="too-costly", expression=expression) from error


def _page(plan: Plan) -> _Advice:
    chains = [one.label for one in plan.criteria if one.steps]
    plain = [one.label for one in plan.criteria if not one.steps]
    looked_at = not all(key.column for key in plan.sort.keys)
    advice = list[str]()
    if chains:
        advice.append(f"Narrow {', '.join(chains)}: what it leads over is found whole first.")
    if looked_at:
        advice.append(f"Leave out _sort={plan.sort.text}: it has every match looked at.")
    if less := _less(plan, plain):
        advice.append(f"Or {less}." if advice else f"{less[0].upper()}{less[1:]}.")
    blamed = [*chains, *(["_sort"] if looked_at else []), *plain, None]
    return _Advice(" ".join(advice), blamed[0])


def _total(plan: Plan) -> _Advice:
    if plan.total == "estimate":
        return _Advice("Ask without _total: even an estimate looks at many matches.", "_total")
    return _Advice("Ask for _total=estimate, or none: counting looks at every match.", "_total")


def _included(plan: Plan) -> _Advice:
    named = [f"{one.name}={one.value}" for one in plan.includes]
    return _Advice(
        f"Leave out some of {', '.join(named)}, or ask for a smaller _count.",
        plan.includes[0].name.partition(":")[0],
    )


_ADVICE: Final[Mapping[Part, Callable[[Plan], _Advice]]] = MappingProxyType(
    {"page": _page, "total": _total, "included": _included}
)


def _less(plan: Plan, plain: list[str]) -> str:
    """How to ask for less; empty where nothing more can be told."""
    ways = [f"give {', '.join(plain)} fewer values"] if plain else []
    if len(plan.branches) > 1:
        ways.append("name fewer types with _type")
    elif missing := _missing(plan.branches[0]):
        *others, last = missing
        ways.append(f"add {', '.join(others)} or {last}" if others else f"add {last}")
    return ", or ".join(ways)


def _missing(branch: Branch) -> list[str]:
    """The parameters that an ordered index answers and that were not asked: the patient, the code, the date."""
    there = set(map(_index, _asked(branch)))
    found = dict[str, str]()
    for code, parameter in sorted(served(branch.resource_type).items()):
        if (index := _index(parameter)) is not None and index not in there:
            found.setdefault(index, code)
    return [found[index] for index in _INDEXES if index in found]


_INDEXES: Final = ("patient", "code", "date")


def _asked(branch: Branch) -> Iterator[Parameter]:
    for wanted in branch.wanted:
        if isinstance(wanted, Chained):
            yield wanted.parameter
        yield from (one.parameter for one in conditions_of(wanted))


def _index(parameter: Parameter) -> str | None:
    if parameter.coded:
        return "code"
    return parameter.column if parameter.column in _INDEXES else None
