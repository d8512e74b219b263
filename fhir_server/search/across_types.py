"""What is wanted of several types as few conditions: types of which the same is wanted share one.

https://hl7.org/fhir/R4/search.html#all

Tokens name their type. So where conditions differ in their tokens alone, one that has the tokens of all types finds of each
type what its own condition finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.branch import Branch
from fhir_server.search.conditions import met
from fhir_server.search.params.sql import any_of, conjunction
from fhir_server.store.predicate import Predicate

_ONE_TOKEN = "r.tokens @> %s::bigint[]"  # noqa: S105 - not a secret
_SOME_TOKEN = "r.tokens && %s::bigint[]"  # noqa: S105 - not a secret


@dataclass(frozen=True, slots=True)
class Alike:
    """Types, by their numbers, and the condition for the rows of any of them."""

    types: tuple[int, ...]
    where: Predicate


def alike(branches: Sequence[Branch]) -> list[Alike]:
    """The branches, those put together that can be."""
    groups = dict[tuple[str, ...], Alike]()
    for branch in branches:
        one = Alike((RESOURCE_TYPES[branch.resource_type],), met(branch))
        key = _key(one.where)
        groups[key] = _together(groups[key], one) if key in groups else one
    return list(groups.values())


def matching(branches: Sequence[Branch]) -> Predicate:
    """The rows of all the branches."""
    return any_of(
        conjunction(
            [Predicate("r.type = ANY(%s::smallint[]) AND NOT r.deleted", (list(one.types),)), one.where]
        )
        for one in alike(branches)
    )


def _key(where: Predicate) -> tuple[str, ...]:
    """What conditions have in common that may be put together."""
    if _ONE_TOKEN in where.sql and any(_is_tokens(value) and len(value) > 1 for value in where.params):
        return (where.sql, *map(repr, where.params))
    others = ("" if _is_tokens(value) else repr(value) for value in where.params)
    return (where.sql.replace(_ONE_TOKEN, _SOME_TOKEN), *others)


def _together(one: Alike, other: Alike) -> Alike:
    params = tuple(
        sorted({*mine, *theirs}) if _is_tokens(mine) and _is_tokens(theirs) else mine
        for mine, theirs in zip(one.where.params, other.where.params, strict=True)
    )
    sql = one.where.sql.replace(_ONE_TOKEN, _SOME_TOKEN)
    return Alike((*one.types, *other.types), Predicate(sql, params))


def _is_tokens(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(isinstance(each, int) for each in value)
