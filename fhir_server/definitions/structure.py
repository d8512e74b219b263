"""The elements of every type: names, types, cardinalities, bindings and targets.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from fhir_server.definitions.files import entries

Kind: TypeAlias = Literal["resource", "complex", "nested", "abstract"]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type.

    `types` are type names: a primitive, a complex type, a nested type named by its path (`Observation.component`), or
    `Resource` for any resource. `codes` is the value set of a required binding, `targets` are the types that a Reference
    may name (empty: any). A `bare` one is a plain string without id or extensions of its own. `forbids` an element that this use of the type must not have (`comparator` of SimpleQuantity).
    """

    name: str
    types: tuple[str, ...]
    choice: bool
    min: int
    many: bool
    bare: bool
    summary: bool
    codes: str | None
    targets: tuple[str, ...]
    forbids: str | None

    def json_names(self) -> Mapping[str, str]:
        """The type of each JSON property that this element may appear as: `valueQuantity` -> `Quantity`."""
        if not self.choice:
            return {self.name: self.types[0]}
        return {f"{self.name}{type[0].upper()}{type[1:]}": type for type in self.types}


@dataclass(frozen=True, slots=True)
class Invariant:
    """A constraint that can be judged inside one object; `rule` is the condition, see `validation/conditions.py`."""

    key: str
    human: str
    rule: tuple[Any, ...]  # nested lists of names and literals, as the generator wrote them


@dataclass(frozen=True, slots=True)
class StructureType:
    """A resource, complex or nested type with all its elements, inherited ones first."""

    name: str
    kind: Kind
    elements: tuple[Element, ...]
    invariants: tuple[Invariant, ...]


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive type: what it is based on, and the regular expression that its whole text must match."""

    base: str
    regex: str | None


@cache
def structure(name: str) -> StructureType:
    """The type of that name. Raises KeyError if R4 has none, or only a primitive one."""
    entry = _types()[name]
    base = structure(entry["base"]) if entry["base"] else None
    return StructureType(
        name=name,
        kind=entry["kind"],
        elements=(base.elements if base else ()) + tuple(map(_element, entry["elements"])),
        invariants=(base.invariants if base else ()) + tuple(map(_invariant, entry.get("invariants", ()))),
    )


@cache
def primitives() -> Mapping[str, Primitive]:
    """Every primitive type by name."""
    return MappingProxyType(
        {name: Primitive(entry["base"], entry.get("regex")) for name, entry in entries("primitives").items()}
    )


@cache
def required_codes(value_set: str) -> Mapping[str, frozenset[str]] | None:
    """The codes by system of a required value set; None if it cannot be listed and only the grammar holds."""
    systems = _required_codes()[value_set]
    return None if systems is None else {system: frozenset(codes) for system, codes in systems.items()}


def _element(entry: dict[str, Any]) -> Element:  # Any: generated data, see files.py
    return Element(
        name=entry["name"],
        types=tuple(entry["types"]),
        choice=entry.get("choice", False),
        min=entry.get("min", 0),
        many=entry.get("many", False),
        bare=entry.get("bare", False),
        summary=entry.get("summary", False),
        codes=entry.get("codes"),
        targets=tuple(entry.get("targets", ())),
        forbids=entry.get("forbids"),
    )


def _invariant(entry: dict[str, Any]) -> Invariant:  # Any: generated data, see files.py
    return Invariant(entry["key"], entry["human"], tuple(entry["rule"]))


@cache
def _types() -> dict[str, Any]:
    return entries("structure")


@cache
def _required_codes() -> dict[str, dict[str, list[str]] | None]:
    return entries("required-codes")
