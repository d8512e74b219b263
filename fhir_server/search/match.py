"""The resources that conditions name, for conditional create, update and delete, and for conditional references.

https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from fhir_server.errors import InvalidSearch
from fhir_server.json import JsonObject, stored
from fhir_server.search.access import Access
from fhir_server.search.branch import conditions_of
from fhir_server.search.by_token import by_token, grouped
from fhir_server.search.compile import keys
from fhir_server.search.conditions import hashed
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
    """At most `limit` resources that meet each of the conditions, in order, in few statements.

    Where a hit that only seemed one has filled the limit, that condition is asked again by itself.
    """
    found = []
    for condition, seeming in zip(conditions, await _seeming(connection, conditions, limit), strict=True):
        true = [match for match, body in seeming if _is_true(condition, body)]
        if limit < _MOST_SEEMING and len(true) < len(seeming) == limit:
            true = (await matches(connection, [condition], _MOST_SEEMING))[0][:limit]
        found.append(true)
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
            (one,) = either
            return frozenset(found for each in one.asked for found in token.asked_tokens(one.parameter, each))
    return None


def met(condition: Plan, tree: JsonObject) -> bool:
    """Whether a resource that is not stored yet would meet the condition; by a chain none does."""
    return _meets(map(conditions_of, condition.wanted), tree, condition.base_url)


async def _seeming(
    connection: Connection, conditions: Sequence[Plan], limit: int
) -> list[list[tuple[MatchedKey, str]]]:
    """What seems to meet each of the conditions, with its body."""
    found = [list[tuple[MatchedKey, str]]() for _ in conditions]
    single, others = dict[int, tuple[Plan, int]](), list[int]()
    for number, condition in enumerate(conditions):
        one = tokens(condition)
        if one is not None and len(one) == 1 and len(condition.wanted) == 1:
            single[number] = condition, next(iter(one))
        else:
            others.append(number)
    queries = [by_token(branch, asked, limit) for branch, asked in grouped(single)]
    queries += [
        _each({number: conditions[number] for number in others[start : start + _AT_ONCE]}, limit)
        for start in range(0, len(others), _AT_ONCE)
    ]
    for query in queries:
        cursor = await connection.execute(query.sql, query.params, prepare=False)
        for number, id, version, body in await cursor.fetchall():
            found[number].append((MatchedKey(id, version), body))
    return found


def _each(conditions: Mapping[int, Plan], limit: int) -> Predicate:
    """The query for at most `limit` rows of each condition: its number, id, version, body."""
    statements = {number: keys(condition, limit) for number, condition in conditions.items()}
    sql = " UNION ALL ".join(
        f"SELECT {number}, q.id, q.version, q.body FROM ({statement.sql}) q"
        for number, statement in statements.items()
    )
    return Predicate(sql, tuple(value for one in statements.values() for value in one.params))


def _is_true(condition: Plan, body: str) -> bool:
    """Whether a resource meets what rests on hashes; where none does, the database has decided."""
    unsure = [each for each in map(conditions_of, condition.wanted) if any(map(hashed, each))]
    return not unsure or _meets(unsure, stored(body), condition.base_url)


def _is_token(one: AnyCondition) -> bool:
    parameter = one.parameter
    return parameter.kind == "token" and not one.modifier and not parameter.union and token.hashed(one)


def _meets(wanted: Iterable[tuple[AnyCondition, ...]], tree: JsonObject, base_url: str) -> bool:
    """Whether the resource meets one of each group of conditions."""
    return all(any(meets(one, tree, base_url) for one in either) for either in wanted)
