"""Chains in SQL: the resources that refer to certain others.

https://hl7.org/fhir/R4/search.html#chaining
"""

from fhir_server.search.params import hashes
from fhir_server.search.params.parameter import Parameter
from fhir_server.store.predicate import Predicate


def predicate(parameter: Parameter, target: str, rows: Predicate) -> Predicate:
    """The rows that refer by `parameter` to one of `rows`, a condition that only resources of type `target` meet."""
    if parameter.column == "patient" and target == "Patient":
        keys = patient_keys(rows)
        return Predicate(f"r.patient = ANY(ARRAY({keys.sql}))", keys.params)
    token = hashes.in_sql(parameter.prefix, "r", last=_named(parameter, target))
    sql = f"r.tokens && ARRAY(SELECT {token} FROM resource r WHERE {rows.sql})"
    return Predicate(sql, rows.params)


def patient_keys(rows: Predicate) -> Predicate:
    """The query for the numbers of the Patients among `rows`."""
    return Predicate(
        f"SELECT k.key FROM resource r JOIN patient_key k ON k.id = r.id WHERE {rows.sql}", rows.params
    )


def by_url(parameter: Parameter) -> bool:
    """Whether it refers by canonical URL, so that a resource is found by its `url` and not by its id."""
    return all(path.datatype != "Reference" for path in parameter.paths)


def _named(parameter: Parameter, target: str) -> str:
    """How the row `r` is referred to; a reference with a version is found without it too."""
    return "r.body->>'url'" if by_url(parameter) else f"'{target}/' || r.id"
