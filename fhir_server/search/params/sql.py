"""Conditions over the table alias `r` (`resource`), put together.

https://www.postgresql.org/docs/current/indexes-types.html
"""

from collections.abc import Iterable

from fhir_server.search.params.parameter import Parameter
from fhir_server.store.predicate import EVERYTHING, NOTHING, Predicate


def conjunction(predicates: Iterable[Predicate]) -> Predicate:
    """Rows that meet all."""
    return _joined(" AND ", [one for one in predicates if one != EVERYTHING], EVERYTHING)


def any_of(predicates: Iterable[Predicate]) -> Predicate:
    """Rows that meet one or more."""
    return _joined(" OR ", list(predicates), NOTHING)


def negation(one: Predicate) -> Predicate:
    """Rows that do not meet it; unknown counts as not met."""
    return Predicate(f"({one.sql}) IS NOT TRUE", one.params)


def tokens(wanted: Iterable[int]) -> Predicate:
    """Rows that carry any of the tokens, as their index finds them."""
    values = sorted(set(wanted))
    operator = "@>" if len(values) == 1 else "&&"
    return Predicate(f"r.tokens {operator} %s::bigint[]", (values,)) if values else NOTHING


def rows(table: str, parameter: Parameter, condition: Predicate) -> Predicate:
    """Rows with an entry `v` of `parameter` in `table` that meets the condition."""
    sql = f"r.rid IN (SELECT v.rid FROM {table} v WHERE v.param = %s AND {condition.sql})"
    return Predicate(sql, (parameter.number, *condition.params))


def _joined(operator: str, parts: list[Predicate], empty: Predicate) -> Predicate:
    if len(parts) < 2:
        return parts[0] if parts else empty
    return Predicate(
        "(" + operator.join(f"({one.sql})" if " OR " in one.sql else one.sql for one in parts) + ")",
        tuple(value for one in parts for value in one.params),
    )
