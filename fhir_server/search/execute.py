"""The statement run, a page at a time, and every hit that rests on a hash looked at once more.

https://www.psycopg.org/psycopg3/docs/basic/usage.html
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import stored
from fhir_server.search.compile import Statement, page
from fhir_server.search.criteria import meets
from fhir_server.search.in_time import in_time
from fhir_server.search.included import Resource, included
from fhir_server.search.order import Position
from fhir_server.search.plan import Plan
from fhir_server.search.total import total

Connection = psycopg.AsyncConnection[TupleRow]

_TYPES: Final = MappingProxyType({number: name for name, number in RESOURCE_TYPES.items()})


class Match(NamedTuple):
    """A resource that was found; `position` is its place in the order."""

    type: str
    id: str
    version: int
    body: str
    position: Position


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, in order, and what is included beside it; `more` says whether anything follows.

    `total` counts all pages when it was asked for.
    """

    matches: tuple[Match, ...]
    more: bool
    total: int | None = None
    included: tuple[Resource, ...] = ()


async def execute(connection: Connection, plan: Plan, after: Position | None) -> Page:
    """The page of `plan` that follows `after` (None: the first)."""
    if plan.count == 0:
        return Page((), more=False, total=await _counted(connection, plan))
    with in_time(plan, "page"):
        found = await _matches(connection, plan, after)
    matches, beside = tuple(found[: plan.count]), tuple[Resource, ...]()
    more = len(found) > plan.count
    if plan.inclusion is not None:
        resources = [Resource(*match[:4]) for match in matches]
        with in_time(plan, "included"):
            beside = tuple(await included(connection, plan.inclusion, resources, plan.base_url))
    return Page(matches, more, await _total(connection, plan, after, matches, more=more), beside)


async def _total(
    connection: Connection, plan: Plan, after: Position | None, matches: tuple[Match, ...], *, more: bool
) -> int | None:
    """The total, if it is asked for: the page's own length where it shows everything."""
    if plan.total is None:
        return None
    return len(matches) if after is None and not more else await _counted(connection, plan)


async def _counted(connection: Connection, plan: Plan) -> int:
    with in_time(plan, "total"):
        return await total(connection, plan)


async def rows(
    connection: Connection, statement: Statement, base_url: str
) -> tuple[list[Match], int, Position | None]:
    """The true hits of one statement, how many rows it gave, and the place of the last."""
    cursor = await connection.execute(statement.sql, statement.params, prepare=statement.stable)
    given = [
        Match(_TYPES[type], id, version, body, Position(tuple(values), rid))
        for type, id, version, rid, body, *values in await cursor.fetchall()
    ]
    true = [
        match for match in given if match.type not in statement.recheck or _holds(statement, match, base_url)
    ]
    return true, len(given), given[-1].position if given else None


async def _matches(connection: Connection, plan: Plan, after: Position | None) -> list[Match]:
    """The matches of a page and at least one more, if there are; a false hit is made up for by asking on."""
    limit, found = plan.count + 1, list[Match]()
    while True:
        true, given, after = await rows(connection, page(plan, after, limit), plan.base_url)
        found += true
        if given < limit or len(found) >= limit:
            return found


def _holds(statement: Statement, match: Match, base_url: str) -> bool:
    tree = stored(match.body)
    return all(
        any(meets(condition, tree, base_url) for condition in alternatives)
        for alternatives in statement.recheck[match.type]
    )
