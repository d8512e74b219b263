"""The filters of a scope: search parameters that a resource must meet to be granted.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters

Tokens and references only, which rest on a resource's own values. What cannot be read as one grants nothing.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from fhir_server.errors import InvalidSearch
from fhir_server.search.conditions import predicate
from fhir_server.search.criteria import condition
from fhir_server.search.params.catalog import served
from fhir_server.search.params.escapes import split
from fhir_server.search.params.parameter import Reading
from fhir_server.search.params.sql import conjunction
from fhir_server.search.parse import Criterion
from fhir_server.store.predicate import Predicate

_AUDIT: Final = "AuditEvent"  # in a table of its own, which no condition on resources narrows
_KINDS: Final = frozenset({"token", "reference"})
_READING: Final = Reading(datetime(1970, 1, 1, tzinfo=UTC), "")  # neither kind looks at the time


@lru_cache(maxsize=1024)
def meeting(resource_type: str, filters: tuple[tuple[str, str], ...]) -> Predicate | None:
    """The rows of the type that meet all of `filters`; None where one of them cannot be asked of the type."""
    try:
        return conjunction(_conditions(resource_type, filters))
    except (InvalidSearch, KeyError):
        return None


def _conditions(resource_type: str, filters: Iterable[tuple[str, str]]) -> list[Predicate]:
    found = []
    for name, value in filters:
        parameter = served(resource_type)[name]
        values = split(value, ",")
        if resource_type == _AUDIT or parameter.kind not in _KINDS or not all(values) or "\0" in value:
            raise KeyError(name)
        found.append(predicate(condition(parameter, Criterion(name, "", values), _READING)))
    return found
