"""What the store takes and gives: versions of resources and the values they are found by.

https://hl7.org/fhir/R4/http.html#versions
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

# The token of a resource whose primary date is longer than a day; it stands in an index's definition, so it never changes.
WIDE: Final = 5477951415758571691

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
Key = tuple[str, str]
"""The type and id of a resource."""


class DateRange(NamedTuple):
    """`[lo, hi)` in UTC; an open end is `datetime.min`/`datetime.max` in UTC, stored as -infinity/infinity."""

    lo: datetime
    hi: datetime


class NumberRange(NamedTuple):
    """`[lo, hi]` by the digits given; `unit` is the hash of the unit's system and code, None for a plain number."""

    lo: Decimal
    hi: Decimal
    unit: int | None


class ParamDate(NamedTuple):
    """A date range under a search parameter (its number from `search.params`)."""

    param: int
    lo: datetime
    hi: datetime


class ParamNumber(NamedTuple):
    """A number or quantity range under a search parameter."""

    param: int
    lo: Decimal
    hi: Decimal
    unit: int | None


class ParamString(NamedTuple):
    """A string under a search parameter, folded for comparison and as it was."""

    param: int
    folded: str
    exact: str


@dataclass(frozen=True, slots=True)
class IndexRow:
    """Everything a resource is found by; `search.params` makes it, `store` keeps it.

    `patient` is the id of the one Patient the resource is about; `codings` the sorted `system|code` of its `code`;
    `date` and `value` its primary date and value (see `search.params.columns`); `tokens` hashes of every other exact value.
    """

    patient: str | None = None
    codings: tuple[str, ...] = ()
    date: DateRange | None = None
    value: NumberRange | None = None
    tokens: tuple[int, ...] = ()
    dates: tuple[ParamDate, ...] = ()
    numbers: tuple[ParamNumber, ...] = ()
    strings: tuple[ParamString, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource as stored; `body` is its JSON text, None when this version is the deletion."""

    type: str
    id: str
    version: int
    last_updated: datetime
    method: Method
    body: bytes | None

    @property
    def deleted(self) -> bool:
        """Whether this version says that the resource was deleted."""
        return self.body is None
