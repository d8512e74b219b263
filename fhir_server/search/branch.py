"""What the resources of one type must meet: conditions of their own, of what they refer to, of what refers to them.

https://hl7.org/fhir/R4/search.html#chaining
"""

from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Parameter
from fhir_server.store.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Branch:
    """The resources of a type that meet all of `wanted` and that the caller may see: nothing leads past `access`."""

    resource_type: str
    access: Predicate
    wanted: tuple["Wanted", ...]


@dataclass(frozen=True, slots=True)
class Chained:
    """Met by a resource that refers by `parameter` to a resource of one of `targets`."""

    parameter: Parameter
    targets: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Reversed:
    """Met by a resource of `resource_type` that a resource of `source` refers to by `parameter`, which is its own."""

    resource_type: str
    parameter: Parameter
    source: Branch
    base_url: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Met by a resource that meets one of the conditions: how a type belongs to a compartment."""

    conditions: tuple[AnyCondition, ...]


Wanted: TypeAlias = AnyCondition | Chained | Reversed | AnyOf


def conditions_of(wanted: Wanted) -> tuple[AnyCondition, ...]:
    """The conditions on a resource's own elements of which it must meet one; none where others than itself decide."""
    match wanted:
        case AnyOf(conditions):
            return conditions
        case Chained() | Reversed():
            return ()
    return (wanted,)
