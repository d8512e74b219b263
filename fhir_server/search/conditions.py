"""What is wanted of a resource in SQL, over the table alias `r` (resource).

https://www.postgresql.org/docs/current/indexes-types.html
"""

from collections.abc import Iterable

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search import chain, has
from fhir_server.search.branch import AnyOf, Branch, Chained, Reversed, Wanted
from fhir_server.search.params import composite, hashes
from fhir_server.search.params.catalog import served
from fhir_server.search.params.kinds import KINDS, AnyCondition
from fhir_server.search.params.parameter import NEGATIONS, Condition, Parameter
from fhir_server.search.params.sql import any_of, conjunction, negation, tokens
from fhir_server.store.predicate import EVERYTHING, Predicate


def rows(branch: Branch) -> Predicate:
    """The rows of a branch: of its type, there, meeting all that is wanted, and the caller's to see."""
    of_the_type = Predicate("r.type = %s AND NOT r.deleted", (RESOURCE_TYPES[branch.resource_type],))
    return conjunction([of_the_type, *_demands(branch)])


def met(branch: Branch) -> Predicate:
    """The rows that meet all that the branch wants of its type, and that are the caller's to see."""
    return conjunction(_demands(branch))


def _demands(branch: Branch) -> list[Predicate]:
    seen = Predicate(f"({branch.access.sql})", branch.access.params)
    return [*map(predicate, branch.wanted), seen]


def predicate(wanted: Wanted) -> Predicate:
    """The rows that meet what is wanted; where that is `hashed`, possibly some that only seem to."""
    match wanted:
        case Chained(parameter, targets):
            return any_of(chain.predicate(parameter, one.resource_type, rows(one)) for one in targets)
        case Reversed(resource_type, parameter, source, base_url):
            return has.predicate(resource_type, parameter, rows(source), base_url)
        case AnyOf(conditions):
            return any_of(_with_tokens_pooled(map(_condition, conditions)))
    return _condition(wanted)


def _with_tokens_pooled(conditions: Iterable[Predicate]) -> list[Predicate]:
    """Alternatives, those that are nothing but tokens as one look into their index."""
    others, pooled = list[Predicate](), list[int]()
    for one in conditions:
        match one.params:
            case ([int(token)],) if one == tokens([token]):
                pooled.append(token)
            case _:
                others.append(one)
    return [*others, tokens(pooled)] if pooled else others


def _condition(wanted: AnyCondition) -> Predicate:
    if wanted.parameter.union:
        return _union(wanted)
    if wanted.modifier == "missing":
        there = _present(wanted.parameter)
        return negation(there) if wanted.absent else there
    return KINDS[wanted.parameter.kind].predicate(wanted)


def hashed(wanted: AnyCondition) -> bool:
    """Whether a row may seem to meet the condition because two values have one hash."""
    return wanted.modifier != "missing" and KINDS[wanted.parameter.kind].hashed(wanted)


def _union(wanted: AnyCondition) -> Predicate:
    """Met when one of the parameters it unites meets it; missing when all are, and negated when none does."""
    negated = wanted.modifier in NEGATIONS or wanted.absent
    modifier = NEGATIONS.get(wanted.modifier, wanted.modifier)
    met = any_of(
        _condition(Condition(served(wanted.parameter.resource_type)[code], modifier, wanted.asked))
        for code in wanted.parameter.union
    )
    return negation(met) if negated else met


def _present(parameter: Parameter) -> Predicate:
    if parameter.kind == "composite":
        parts = [_present(part.parameter) for part in parameter.parts]
        return conjunction([*parts, composite.there(parameter)])
    if parameter.required or parameter.column in {"id", "last_updated"}:
        return EVERYTHING
    there = tokens([hashes.present(parameter.prefix)])
    column = {"patient": "patient", "date": "date_lo", "value": "value_lo"}.get(parameter.column or "")
    return any_of([Predicate(f"r.{column} IS NOT NULL"), there]) if column else there
