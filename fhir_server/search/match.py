"""The resources that conditions name, for conditional create, update and delete, and for conditional references.

https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from fhir_server.errors import InvalidSearch
from fhir_server.json import JsonObject, stored
from fhir_server.search.compile import Statement, keys
from fhir_server.search.criteria import meets
from fhir_server.search.execute import Connection
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from fhir_server.search.plan import Limits, Plan, plan
from fhir_server.store.predicate import Predicate

_LIMITS: Final = Limits(1, 1)
_AT_ONCE: Final = 100
_MOST_SEEMING: Final = 1_000


class MatchedKey(NamedTuple):
    """A resource that meets the condition."""

    id: str
    version: int


def asked(resource_type: str, query: str, access: Predicate, base_url: str = "") -> Plan:
    """What the condition `query`, a query string, asks, read strictly whatever the client prefers.

    Raises InvalidSearch for a query without criteria and for one that cannot be served: a condition that is not
    understood must not be taken for one that is met.
    """
    parsed = parse(resource_type, parse_qsl(query, keep_blank_values=True))
    if parsed.result:
        name = next(iter(parsed.result))
        raise InvalidSearch(f"{name} shapes a result and conditions nothing. Leave it out.", name)
    if not parsed.criteria:
        raise InvalidSearch("The condition has no search parameter. Name what identifies the resource.")
    return plan(parsed, access, "strict", _LIMITS, Reading(datetime.now(UTC), base_url))


async def matches(
    connection: Connection, conditions: Sequence[Plan], limit: int = 2
) -> list[list[MatchedKey]]:
    """At most `limit` resources that meet each of the conditions, in order; a hundred of them are one statement."""
    found = list[list[MatchedKey]]()
    for start in range(0, len(conditions), _AT_ONCE):
        found += await _together(connection, conditions[start : start + _AT_ONCE], limit)
    return found


def met(condition: Plan, tree: JsonObject) -> bool:
    """Whether a resource that is not stored yet would meet the condition."""
    return all(meets(one, tree, condition.base_url) for one in condition.conditions)


async def _together(connection: Connection, conditions: Sequence[Plan], limit: int) -> list[list[MatchedKey]]:
    """As `matches`. Where a hit that only seemed one has filled the limit, that condition is asked again by itself."""
    statements = [keys(condition, limit) for condition in conditions]
    sql = " UNION ALL ".join(
        f"SELECT {number}, q.* FROM ({statement.sql}) q" for number, statement in enumerate(statements)
    )
    params = [value for statement in statements for value in statement.params]
    cursor = await connection.execute(sql, params, prepare=False)
    given = [list[tuple[MatchedKey, str]]() for _ in conditions]
    for number, id, version, _, body in await cursor.fetchall():
        given[number].append((MatchedKey(id, version), body))
    found = []
    for condition, statement, seeming in zip(conditions, statements, given, strict=True):
        true = list(_true(condition, statement, seeming))
        if limit < _MOST_SEEMING and len(true) < len(seeming) == limit:
            true = (await _together(connection, [condition], _MOST_SEEMING))[0][:limit]
        found.append(true)
    return found


def _true(
    condition: Plan, statement: Statement, seeming: Sequence[tuple[MatchedKey, str]]
) -> Iterator[MatchedKey]:
    for match, body in seeming:
        tree = stored(body) if statement.recheck else {}
        if all(meets(one, tree, condition.base_url) for one in statement.recheck):
            yield match
