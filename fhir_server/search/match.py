"""The resources that conditions name, for conditional create, update and delete, and for conditional references.

https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from fhir_server.errors import InvalidSearch
from fhir_server.json import JsonObject, stored
from fhir_server.search.access import Access
from fhir_server.search.branch import conditions_of
from fhir_server.search.compile import Statement, keys
from fhir_server.search.criteria import meets
from fhir_server.search.execute import Connection
from fhir_server.search.params import token
from fhir_server.search.params.kinds import AnyCondition
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


def asked(resource_type: str, query: str, access: Access, base_url: str = "") -> Plan:
    """What the condition `query`, a query string, asks, read strictly whatever the client prefers.

    Raises InvalidSearch for a query without criteria and for one that cannot be served: a condition that is not
    understood must not be taken for one that is met.
    """
    parsed = parse(resource_type, parse_qsl(query, keep_blank_values=True))
    shaping = (*parsed.result, *(include.name for include in parsed.includes))
    if shaping:
        name = shaping[0]
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


def without(condition: Plan, ids: Collection[str]) -> Plan:
    """The condition, not to be met by the resources with those ids."""
    (branch,) = condition.branches
    own = branch.access
    others = Predicate(f"({own.sql}) AND r.id <> ALL(%s::text[])", (*own.params, sorted(ids)))
    return replace(condition, branches=(replace(branch, access=others),))


def tokens(condition: Plan) -> frozenset[int] | None:
    """Tokens one of which is in the index of whatever meets the condition; None where no token decides."""
    for either in map(conditions_of, condition.wanted):
        if len(either) == 1 and _is_token(either[0]):
            return frozenset(token.asked_token(either[0].parameter.prefix, each) for each in either[0].asked)
    return None


def met(condition: Plan, tree: JsonObject) -> bool:
    """Whether a resource that is not stored yet would meet the condition; by a chain none does."""
    return _meets(map(conditions_of, condition.wanted), tree, condition.base_url)


async def _together(connection: Connection, conditions: Sequence[Plan], limit: int) -> list[list[MatchedKey]]:
    """As `matches`. Where a hit that only seemed one has filled the limit, that condition is asked again by itself."""
    statements = [keys(condition, limit) for condition in conditions]
    sql = " UNION ALL ".join(
        f"SELECT {number}, q.* FROM ({statement.sql}) q" for number, statement in enumerate(statements)
    )
    params = [value for statement in statements for value in statement.params]
    cursor = await connection.execute(sql, params, prepare=False)
    given = [list[tuple[MatchedKey, str]]() for _ in conditions]
    for number, _, id, version, _, body in await cursor.fetchall():
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
    (branch,) = condition.branches
    unsure = statement.recheck.get(branch.resource_type, ())
    for match, body in seeming:
        if not unsure or _meets(unsure, stored(body), condition.base_url):
            yield match


def _is_token(one: AnyCondition) -> bool:
    parameter = one.parameter
    return parameter.kind == "token" and not one.modifier and not parameter.union and token.hashed(one)


def _meets(wanted: Iterable[tuple[AnyCondition, ...]], tree: JsonObject, base_url: str) -> bool:
    """Whether the resource meets one of each group of conditions."""
    return all(any(meets(one, tree, base_url) for one in either) for either in wanted)
