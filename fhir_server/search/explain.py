"""A search URL explained: what was understood, and the SQL it becomes, without a database.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fhir_server.clock import now
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch
from fhir_server.search import included
from fhir_server.search.branch import AnyOf, Branch, Chained, Reversed
from fhir_server.search.compartment import COMPARTMENTS
from fhir_server.search.compile import Statement, page
from fhir_server.search.conditions import hashed
from fhir_server.search.include import Inclusion, Link
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import Compartment, Parsed, parse
from fhir_server.search.plan import Limits, Plan, plan
from fhir_server.search.total import accurate, bounded
from fhir_server.store.predicate import EVERYTHING, Predicate

_LIMITS: Final = Limits(50, 1000)
_NEW_LINE_BEFORE: Final = (" FROM ", " WHERE ", " CROSS JOIN ", " UNION ALL ", " ORDER BY ")
_MOST_TOLD: Final = 8  # branches or links, of which a wildcard has hundreds alike


def explain(url: str, *, at: datetime | None = None) -> str:
    """The plan and the statements of `url` (`Observation?code=…`, or the whole address), asked at `at` or now.

    Raises InvalidSearch as the search itself would, and for an address that is no search.
    """
    parts = urlsplit(url)
    base, parsed = _parsed(parts.path, parse_qsl(parts.query, keep_blank_values=True))
    base_url = f"{parts.scheme}://{parts.netloc}{base}" if parts.netloc else ""
    planned = plan(parsed, _every, "strict", _LIMITS, Reading(at or now(), base_url))
    return "\n".join(_lines(planned))


def _every(_type: str, _interaction: str) -> Predicate:
    """There is no caller here, whose scopes would show less."""
    return EVERYTHING


def _parsed(path: str, pairs: list[tuple[str, str]]) -> tuple[str, Parsed]:
    """The address before the search, and the search."""
    match path.rstrip("/").split("/"):
        case [*base, compartment, id, type] if compartment in COMPARTMENTS and type in {"*", *RESOURCE_TYPES}:
            about = Compartment(compartment, id)
            return "/".join(base), parse("" if type == "*" else type, pairs, about)
        case [*base, type] if type in RESOURCE_TYPES and not RESOURCE_TYPES.keys() & base:
            return "/".join(base), parse(type, pairs)
        case [*base, ("" | "fhir") as last]:
            return "/".join([*base, last] if last else base), parse("", pairs)
        case [*_, last]:
            raise InvalidSearch(
                f"{last[:60]!r} is no resource type. Write `Observation?code=…`, `Patient/x/Observation?…` or `?_type=…`."
            )
    raise AssertionError(path)


def _lines(planned: Plan) -> Iterator[str]:
    types = ", ".join(branch.resource_type for branch in planned.branches[:_MOST_TOLD])
    more = f" and {len(planned.branches) - _MOST_TOLD} more" if planned.branches[_MOST_TOLD:] else ""
    yield f"{types}{more}, sorted by {planned.sort.text}, {planned.count} a page"
    for branch in planned.branches[:_MOST_TOLD]:
        depth = 1 if len(planned.branches) == 1 else 2
        if depth == 2 and branch.wanted:
            yield f"  {branch.resource_type}:"
        yield from _told(branch, depth)
    if planned.inclusion:
        yield from _links(planned.inclusion)
    if planned.count:
        yield "page:"
        yield from _statement(page(planned, None, planned.count + 1))
    if planned.total:
        yield "total:"
        counting = bounded if planned.total == "estimate" else accurate
        yield from _statement(counting(planned))
    if planned.inclusion and planned.count:
        yield from _included(planned, planned.inclusion)


def _told(branch: Branch, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for wanted in branch.wanted:
        match wanted:
            case Chained(parameter, targets):
                for target in targets:
                    yield f"{indent}{parameter.code} refers to {target.resource_type}, which has"
                    yield from _told(target, depth + 1)
            case Reversed(_, parameter, source, _):
                yield f"{indent}{source.resource_type} refers here by {parameter.code}, which has"
                yield from _told(source, depth + 1)
            case AnyOf(conditions):
                yield f"{indent}one of"
                yield from (f"{indent}  {_condition(one)}" for one in conditions)
            case _:
                yield f"{indent}{_condition(wanted)}"


def _condition(wanted: AnyCondition) -> str:
    parameter = wanted.parameter
    place = f"column {parameter.column}" if parameter.column else parameter.kind
    label = f"{parameter.code}:{wanted.modifier}" if wanted.modifier else parameter.code
    values = " or ".join(map(repr, wanted.asked)) or ("absent" if wanted.absent else "present")
    return f"{label} ({place}{', hashed' if hashed(wanted) else ''}): {values}"


def _links(inclusion: Inclusion) -> Iterator[str]:
    for link in inclusion.links[:_MOST_TOLD]:
        how = "who refer here by" if link.reverse else "what is referred to by"
        again = ", again and again" if link.iterate else ""
        yield f"  with {how} {link.parameter.prefix}, {_targets(link)}{again}"
    if inclusion.links[_MOST_TOLD:]:
        yield f"  and {len(inclusion.links) - _MOST_TOLD} links more"


def _targets(link: Link) -> str:
    return (
        ", ".join(sorted(link.targets)) if len(link.targets) <= _MOST_TOLD else f"{len(link.targets)} types"
    )


def _included(planned: Plan, inclusion: Inclusion) -> Iterator[str]:
    """The statement that would follow a page of one match, which refers to `…` wherever it may."""
    step = included.Sought()
    for link in inclusion.links[:_MOST_TOLD]:
        if link.reverse:
            step.referrers[link] = {f"{target}/…" for target in sorted(link.targets)[:1]}
        else:
            step.ids |= {target: {"…"} for target in link.targets}
    statement = included.statement_of(step, inclusion, planned.count)
    if statement is not None:
        yield "included, where the matches refer to or are referred to as `…`:"
        yield from _statement(Statement(statement.sql, statement.params))


def _statement(statement: Statement) -> Iterator[str]:
    sql = statement.sql
    for words in _NEW_LINE_BEFORE:
        sql = sql.replace(words, f"\n{words.lstrip()}")
    yield from (f"  {line}" for line in sql.splitlines())
    yield f"  parameters: {list(statement.params)!r}"
    unsure = dict.fromkeys(
        one.parameter.code for each in statement.recheck.values() for either in each for one in either
    )
    if unsure:
        yield f"  looked at once more: {', '.join(unsure)}"
