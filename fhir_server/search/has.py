"""Reverse chains in SQL: the resources that certain others refer to.

https://hl7.org/fhir/R4/search.html#has
"""

import re

from fhir_server.search.chain import by_url
from fhir_server.search.params import hashes
from fhir_server.search.params.jsonpath import jsonpath
from fhir_server.search.params.parameter import Parameter
from fhir_server.store.predicate import Predicate

_VERSION = "(?:/_history/[A-Za-z0-9.-]+)?"


def predicate(resource_type: str, parameter: Parameter, rows: Predicate, base_url: str) -> Predicate:
    """The rows of `resource_type` that one of `rows` refers to by `parameter`, relatively or under `base_url`."""
    if by_patient(resource_type, parameter):
        keys = f"SELECT r.patient FROM resource r WHERE {rows.sql}"
        return Predicate(f"r.id IN (SELECT k.id FROM patient_key k WHERE k.key IN ({keys}))", rows.params)
    if by_url(parameter):
        token = hashes.in_sql(f"{resource_type}.url", "u", last="split_part(v.text, '|', 1)")
        texts = _texts(parameter)
        sql = f"r.tokens && ARRAY(SELECT {token} FROM resource r CROSS JOIN LATERAL {texts} WHERE {rows.sql})"
        return Predicate(sql, rows.params)
    base = f"(?:{re.escape(base_url)}/)?" if base_url else ""
    local = f"^{base}{resource_type}/([A-Za-z0-9.-]+){_VERSION}$"
    sql = f"r.id IN (SELECT substring(v.text, %s::text) FROM resource r CROSS JOIN LATERAL {_texts(parameter)} WHERE {rows.sql})"
    return Predicate(sql, (local, *rows.params))


def by_patient(resource_type: str, parameter: Parameter) -> bool:
    """Whether an index of those who refer answers for one resource of the type at a time."""
    return parameter.column == "patient" and resource_type == "Patient"


def _texts(parameter: Parameter) -> str:
    """The table `v` of the texts that the row `r` refers by."""
    below = () if by_url(parameter) else ("reference",)
    each = " UNION ALL ".join(
        f"SELECT value #>> '{{}}' FROM jsonb_path_query(r.body, {path}) AS value"
        for path in dict.fromkeys(jsonpath(path, *below) for path in parameter.paths)
    )
    return f"({each}) AS v(text)"
