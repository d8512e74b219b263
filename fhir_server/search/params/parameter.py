"""A search parameter of one type, and a condition that a query puts on it.

https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Generic, Literal, TypeVar

from fhir_server.search.params.columns import Column
from fhir_server.search.params.paths import Path

Kind = Literal["token", "reference", "date", "string", "quantity", "number", "uri", "composite"]
Modifier = Literal[
    "",
    "missing",
    "exact",
    "contains",
    "identifier",
    "not",
    "text",
    "in",
    "not-in",
    "above",
    "below",
    "of-type",
]
Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]

# how SQL knows that all parts of a composite hold for one element; see params/composite.py
Together = Literal["single", "row", "pair", "span"]

# met by those that do not meet the condition with the other modifier, without a value too
NEGATIONS: Final[Mapping[Modifier, Modifier]] = MappingProxyType({"not": "", "not-in": "in"})

Asked = TypeVar("Asked", covariant=True)  # noqa: PLC0105 - the name that every kind gives its own


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one type, ready to be stored and asked.

    `prefix` names it in hashes, `number` in the range and string tables. `union` names the parameters that answer
    instead of it. `required` means that every resource has a value. `systems` are those that its plain codes imply.
    `parts` are those of a composite, `together` how it finds them in one element. `coded_by` says for a value's path
    where, beside the value, the codings stand that its row carries for a composite.
    """

    resource_type: str
    code: str
    kind: Kind
    url: str
    prefix: str
    number: int
    paths: tuple[Path, ...]
    targets: tuple[str, ...]
    repeats: bool
    required: bool
    column: Column | None = None
    coded: bool = False
    union: tuple[str, ...] = ()
    systems: Mapping[str, frozenset[str]] | None = None
    parts: tuple["Part", ...] = ()
    together: Together = "single"
    coded_by: Mapping[Path, Path] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a composite: the parameter it is asked like, and where it stands below the composite's element.

    `of_resource`: it is read from the resource instead.
    """

    parameter: Parameter
    paths: tuple[Path, ...]
    of_resource: bool = False


@dataclass(frozen=True, slots=True)
class Condition(Generic[Asked]):
    """What a resource must meet: one of `asked` under `parameter`; for `missing`, `absent` says which way."""

    parameter: Parameter
    modifier: Modifier
    asked: tuple[Asked, ...]
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What values are read against: the time of the request and the address that our own references start with."""

    now: datetime
    base_url: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value as the client wrote it under `parameter`: its escapes still in place; `targets` it may refer to."""

    parameter: Parameter
    modifier: str
    text: str
    targets: tuple[str, ...]
    reading: Reading
