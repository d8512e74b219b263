"""The one value of a resource that it is ordered by under a search parameter, in SQL over `r` (`resource`).

https://hl7.org/fhir/R4/search.html#sort

Of several values the one that comes first in the direction asked counts, as the specification says. Ranges go by where
they begin, quantities by their number as written, tokens by their code, references and uris by their text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.structure import primitives
from fhir_server.search.params.catalog import served
from fhir_server.search.params.columns import Column
from fhir_server.search.params.jsonpath import jsonpath
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Path


class Unsortable(ValueError):
    """Nothing that could be ordered by is kept for the parameter; the text says why."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """`sql` is a column of `r`, or else a query for one value of `r`, NULL where it has none; `cast` is its type."""

    parameter: str
    descending: bool
    sql: str
    cast: str
    column: bool = False
    nullable: bool = True

    @property
    def text(self) -> str:
        """The key as `_sort` has it."""
        return f"-{self.parameter}" if self.descending else self.parameter


_COLUMNS: Final[Mapping[Column | None, tuple[str, str, bool]]] = MappingProxyType(
    {  # column, type, nullable
        "id": ("id", "text", False),
        "last_updated": ("last_updated", "timestamptz", False),
        "date": ("date_lo", "timestamptz", True),
        "value": ("value_lo", "numeric", True),
    }
)

_CASTS: Final[Mapping[str, str]] = MappingProxyType(
    {"date": "timestamptz", "number": "numeric", "quantity": "numeric"}
)

# what of a complex type is ordered by; a primitive is so itself
_BELOW: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Coding": ("code",),
        "CodeableConcept": ("coding", "code"),
        "Identifier": ("value",),
        "ContactPoint": ("value",),
        "Reference": ("reference",),
    }
)


def sort_key(parameter: Parameter, *, descending: bool) -> SortKey:
    """The key for `parameter` in that direction. Raises Unsortable when nothing is kept that gives an order."""
    if parameter.column in _COLUMNS:
        name, cast, nullable = _COLUMNS[parameter.column]
        return SortKey(parameter.code, descending, f"r.{name}", cast, column=True, nullable=nullable)
    sources = " UNION ALL ".join(_source(one) for one in _answering(parameter))
    best = "max" if descending else "min"
    return SortKey(
        parameter.code,
        descending,
        f"SELECT {best}(v.k) AS k FROM ({sources}) v",
        _CASTS.get(parameter.kind, "text"),
    )


def _answering(parameter: Parameter) -> tuple[Parameter, ...]:
    parameters = served(parameter.resource_type)
    return tuple(parameters[code] for code in parameter.union) or (parameter,)


def _source(parameter: Parameter) -> str:
    """The query for all values of `r`, in a column `k`."""
    if parameter.column in _COLUMNS:
        return f"SELECT r.{_COLUMNS[parameter.column][0]} AS k"
    source = _SOURCES.get(parameter.kind)
    if source is None:
        raise Unsortable(f"a {parameter.kind} has no order")
    return source(parameter)


def _entries(table: str, column: str, only: str = "TRUE") -> Callable[[Parameter], str]:
    def source(parameter: Parameter) -> str:
        mine = f"e.rid = r.rid AND e.param = {parameter.number} AND {only}"
        return f"SELECT e.{column} AS k FROM {table} e WHERE {mine}"

    return source


def _in_body(parameter: Parameter) -> str:
    if (parameter.resource_type, parameter.code) == ("Patient", "deceased"):
        return _DECEASED
    if not parameter.paths:
        raise Unsortable("its values are not read from elements that an order could go by")
    return " UNION ALL ".join(_at(path) for path in parameter.paths)


def _at(path: Path) -> str:
    if path.datatype not in _BELOW and path.datatype not in primitives():
        raise Unsortable(f"a {path.datatype} has no order")
    found = jsonpath(path, *_BELOW.get(path.datatype, ()))
    return f"""SELECT (e.k #>> '{{}}') COLLATE "C" AS k FROM jsonb_path_query(r.body, {found}) e(k)"""


# a condition and not an element: `deceased` is a date, or true
_DECEASED: Final = (
    """SELECT ((r.body ->> 'deceasedBoolean') IS NOT DISTINCT FROM 'true' """
    """OR (r.body ->> 'deceasedDateTime') IS NOT NULL)::text COLLATE "C" AS k"""
)

_SOURCES: Final[Mapping[str, Callable[[Parameter], str]]] = MappingProxyType(
    {
        "date": _entries("resource_date", "lo"),
        "number": _entries("resource_number", "lo"),
        "quantity": _entries("resource_number", "lo"),
        "string": _entries("resource_string", "folded", "e.exact <> ''"),  # not the later words of a name
        "token": _in_body,
        "reference": _in_body,
        "uri": _in_body,
    }
)
