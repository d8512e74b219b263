"""Conditions that rest on one token each, an identifier mostly: any number of them in one statement.

https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-LATERAL

A statement of its own for each, or a union of them, costs the planner several times what finding the row costs.
"""

from collections.abc import Mapping

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.branch import Branch
from fhir_server.search.plan import Plan
from fhir_server.store.predicate import Predicate

# The index of tokens alone gives the rows in every plan: an expression instead of the type's column leaves no other to
# be combined with it, and the order leaves none to be walked until the limit is met.
_FOUND = """
SELECT k.number, r.id, r.version, r.body
  FROM unnest(%s::bigint[], %s::bigint[]) AS k (number, token) CROSS JOIN LATERAL (
    SELECT r.id, r.version, r.body::text AS body FROM resource r
     WHERE r.tokens @> ARRAY[k.token] AND r.type + 0 = %s AND NOT r.deleted AND ({access})
     ORDER BY r.version LIMIT %s) r"""


def by_token(branch: Branch, asked: Mapping[int, int], limit: int) -> Predicate:
    """The query for at most `limit` rows with each token of `asked`: its number there, id, version, body.

    `branch` has the type and the access of them all.
    """
    access = branch.access
    return Predicate(
        _FOUND.format(access=access.sql),
        (list(asked), list(asked.values()), RESOURCE_TYPES[branch.resource_type], *access.params, limit),
    )


def grouped(conditions: Mapping[int, tuple[Plan, int]]) -> list[tuple[Branch, dict[int, int]]]:
    """The token of each condition by its number, those together that ask for one type under one access."""
    groups = list[tuple[Branch, dict[int, int]]]()
    for number, (condition, token) in conditions.items():
        (branch,) = condition.branches
        same = next((asked for known, asked in groups if _alike(known, branch)), None)
        if same is None:
            same = {}
            groups.append((branch, same))
        same[number] = token
    return groups


def _alike(one: Branch, other: Branch) -> bool:
    return one.resource_type == other.resource_type and one.access == other.access
