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


class Unit(NamedTuple):
    """A unit as a quantity has it: the number it goes by, system and code, and how people read it; each may be empty."""

    hash: int
    system: str
    code: str
    display: str


class NumberRange(NamedTuple):
    """`[lo, hi]`; `unit` is None for a plain number."""

    lo: Decimal
    hi: Decimal
    unit: Unit | None


class ParamDate(NamedTuple):
    """A date range under a search parameter (its number from `search.params`)."""

    param: int
    lo: datetime
    hi: datetime


class ParamNumber(NamedTuple):
    """A number or quantity range under a search parameter; `codings` are those of the element it belongs to."""

    param: int
    lo: Decimal
    hi: Decimal
    unit: Unit | None
    codings: tuple[str, ...] = ()


class ParamString(NamedTuple):
    """A string under a search parameter, folded for comparison and as it was."""

    param: int
    folded: str
    exact: str


class ParamText(NamedTuple):
    """A folded text under a search parameter, and the token that resources with it carry.

    The texts of one element share a token, each with a `place` of its own.
    """

    token: int
    place: int
    param: int
    folded: str


@dataclass(frozen=True, slots=True)
class IndexRow:
    """Everything a resource is found by; `search.params` makes it, `store` keeps it.

    `patient` is the id of the one Patient the resource is about; `codings` the sorted `system|code` of its `code`;
    `date` and `value` its primary date and value (see `search.params.columns`); `tokens` hashes of every other exact
    value; `texts` what some of the tokens stand for, where a query asks by a part of it; `mentions` the resources that
    belong to no patient and that this one names, by their type's number and their id.
    """

    patient: str | None = None
    codings: tuple[str, ...] = ()
    date: DateRange | None = None
    value: NumberRange | None = None
    tokens: tuple[int, ...] = ()
    dates: tuple[ParamDate, ...] = ()
    numbers: tuple[ParamNumber, ...] = ()
    strings: tuple[ParamString, ...] = ()
    texts: tuple[ParamText, ...] = ()
    mentions: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource as stored; `body` is its JSON text, None when this version is the deletion.

    `patient` is the id of the one Patient it is about, where whoever made this object knows.
    """

    type: str
    id: str
    version: int
    last_updated: datetime
    method: Method
    body: bytes | None
    patient: str | None = None

    @property
    def deleted(self) -> bool:
        """Whether this version says that the resource was deleted."""
        return self.body is None
