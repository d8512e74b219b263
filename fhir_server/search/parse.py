"""A query's text, split into criteria and the parameters that shape the result.

https://hl7.org/fhir/R4/search.html#query
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fhir_server.errors import InvalidSearch
from fhir_server.search.params.escapes import split

# how the answer is written, not what it holds: the REST layer sees to these
REPRESENTATION: Final = frozenset({"_format", "_pretty"})
RESULT: Final = frozenset({"_sort", "_count", "_total", "_summary", "_elements"})

MAX_VALUES: Final = 500
MAX_CRITERIA: Final = 50


@dataclass(frozen=True, slots=True)
class Criterion:
    """One `name:modifier=value,value`; `values` are alternatives, their escapes still in place."""

    name: str
    modifier: str
    values: tuple[str, ...]

    @property
    def label(self) -> str:
        """The parameter as the client wrote it."""
        return f"{self.name}:{self.modifier}" if self.modifier else self.name


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was asked of a type: every criterion must hold; `result` has at most one value of each name."""

    resource_type: str
    criteria: tuple[Criterion, ...]
    result: MappingProxyType[str, str]
    representation: tuple[tuple[str, str], ...]


def parse(resource_type: str, pairs: Sequence[tuple[str, str]]) -> Parsed:
    """The query in `pairs`. Raises InvalidSearch for a parameter without a value and for one too many."""
    criteria, result, representation = [], {}, []
    for key, value in pairs:
        if key in REPRESENTATION:
            representation.append((key, value))
        elif key in RESULT:
            if key in result:
                raise InvalidSearch(f"{key} is given twice. Give it once.", key)
            result[key] = value
        else:
            criteria.append(_criterion(key, value))
    if len(criteria) > MAX_CRITERIA:
        raise InvalidSearch(f"The query has {len(criteria)} criteria. Ask with at most {MAX_CRITERIA}.")
    return Parsed(resource_type, tuple(criteria), MappingProxyType(result), tuple(representation))


def _criterion(key: str, value: str) -> Criterion:
    name, _, modifier = key.partition(":")
    values = split(value, ",")
    if not name or not all(values):
        raise InvalidSearch(
            f"{key[:100]}={value[:100]} has an empty part. Give every part a value.", key[:100]
        )
    if len(values) > MAX_VALUES:
        raise InvalidSearch(f"{key[:100]} has {len(values)} values. Give at most {MAX_VALUES}.", key[:100])
    if "\0" in value:
        raise InvalidSearch(f"{key[:100]} holds the character U+0000. Remove it.", key[:100])
    return Criterion(name, modifier, values)
