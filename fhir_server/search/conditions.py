"""A condition in SQL, over the table alias `r` (resource).

https://www.postgresql.org/docs/current/indexes-types.html
"""

from fhir_server.search.params import hashes
from fhir_server.search.params.catalog import served
from fhir_server.search.params.kinds import KINDS, AnyCondition
from fhir_server.search.params.parameter import Condition, Parameter
from fhir_server.search.params.sql import any_of, negation, tokens
from fhir_server.store.predicate import EVERYTHING, Predicate


def predicate(wanted: AnyCondition) -> Predicate:
    """The rows that meet the condition; where it is `hashed`, possibly some that only seem to."""
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
    """Met when one of the parameters it unites meets it; missing when all are, and `not` when none does."""
    negated = wanted.modifier == "not" or wanted.absent
    modifier = "" if wanted.modifier == "not" else wanted.modifier
    met = any_of(
        predicate(Condition(served(wanted.parameter.resource_type)[code], modifier, wanted.asked))
        for code in wanted.parameter.union
    )
    return negation(met) if negated else met


def _present(parameter: Parameter) -> Predicate:
    if parameter.required or parameter.column in {"id", "last_updated"}:
        return EVERYTHING
    there = tokens([hashes.present(parameter.prefix)])
    column = {"patient": "patient", "date": "date_lo", "value": "value_lo"}.get(parameter.column or "")
    return any_of([Predicate(f"r.{column} IS NOT NULL"), there]) if column else there
