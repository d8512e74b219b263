"""What an operation is: its code, where it is called, what it takes and gives, and what the caller must be granted.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from fhir_server.definitions.structure import primitives
from fhir_server.definitions.types import RESOURCE_TYPES

if TYPE_CHECKING:
    from fhir_server.operations.invocation import Invocation
    from fhir_server.operations.result import Result

Level: TypeAlias = Literal["system", "type", "instance", "version"]
Serve: TypeAlias = "Callable[[Invocation], Awaitable[Result]]"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in or out; `type` is an R4 data type, a resource type, or `Resource` for any resource."""

    name: str
    type: str
    min: int
    max: Literal["1", "*"]
    documentation: str

    @property
    def is_primitive(self) -> bool:
        """Whether its value can stand in an address."""
        return self.type in primitives()

    @property
    def is_resource(self) -> bool:
        """Whether its value is a resource."""
        return self.type == "Resource" or self.type in RESOURCE_TYPES


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the catalog.

    `levels` are where it is called, each with the interaction that the caller must be granted there; nothing is granted
    by default. `types` are the resource types it is called on (empty: every one). `searches`: it takes the type's search
    parameters too. `by_index`: without a whole search index it would leave out what it must not. `base` is the R4 definition that this is a form of, None for one of our own.
    """

    id: str
    code: str
    title: str
    description: str
    levels: Mapping[Level, str]
    types: tuple[str, ...]
    takes: tuple[Parameter, ...]
    gives: tuple[Parameter, ...]
    affects_state: bool
    serve: Serve
    base: str | None = None
    searches: bool = False
    by_index: bool = False

    @property
    def by_address(self) -> bool:
        """Whether GET serves it: it changes nothing, and what it must be given can stand in an address."""
        return not self.affects_state and all(one.is_primitive for one in self.takes if one.min)
