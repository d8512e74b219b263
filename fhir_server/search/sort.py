"""What a page is ordered by: one key that every resource has stored, missing values last.

https://hl7.org/fhir/R4/search.html#sort
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fhir_server.errors import InvalidSearch
from fhir_server.search.params.catalog import served
from fhir_server.search.params.columns import Column


@dataclass(frozen=True, slots=True)
class Sort:
    """An order over rows `r`: by a column, then by `rid`.

    `cast` is the column's type in SQL. `tie_descending` follows the index that can give the order without sorting.
    """

    parameter: str
    column: str
    cast: str
    descending: bool
    tie_descending: bool
    nullable: bool

    @property
    def text(self) -> str:
        """The value of `_sort`."""
        return f"-{self.parameter}" if self.descending else self.parameter


_COLUMNS: Final[MappingProxyType[Column, tuple[str, str, bool, bool]]] = MappingProxyType(
    {  # column, cast, nullable, whether the index has rid in the column's own direction
        "id": ("id", "text", False, True),
        "last_updated": ("last_updated", "timestamptz", False, True),
        "date": ("date_lo", "timestamptz", True, False),
        "value": ("value_lo", "numeric", True, False),
    }
)


def sort(resource_type: str, text: str) -> Sort:
    """The order that `_sort=text` asks for. Raises InvalidSearch, naming what can be sorted by, for any other."""
    code, descending = text.removeprefix("-"), text.startswith("-")
    sortable = _sortable(resource_type)
    if code not in sortable:
        asked = "several keys" if "," in text else text[:60]
        raise InvalidSearch(
            f"_sort={asked} is not served for {resource_type}. It takes one of {', '.join(sorted(sortable))}, with `-` for descending.",
            "_sort",
        )
    column, cast, nullable, together = _COLUMNS[sortable[code]]
    return Sort(code, column, cast, descending, descending is together, nullable)


def newest_first(resource_type: str) -> Sort | None:
    """The order by the type's primary date, None for a type without one."""
    dates = [code for code, column in _sortable(resource_type).items() if column == "date"]
    return sort(resource_type, f"-{dates[0]}") if dates else None


def _sortable(resource_type: str) -> dict[str, Column]:
    return {
        code: parameter.column
        for code, parameter in served(resource_type).items()
        if parameter.column is not None and parameter.column in _COLUMNS
    }
