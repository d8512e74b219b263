"""The types of search parameter that are served, each one a module.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from fhir_server.search.params import composite, date, number, quantity, reference, string, token, uri
from fhir_server.search.params.found import Store
from fhir_server.search.params.parameter import Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.store.predicate import Predicate

# Any: what is asked is of the parameter's own kind
AnyCondition: TypeAlias = Condition[Any]


class Kind(Protocol):
    """What such a module holds: what is stored and what is asked, in SQL and in memory.

    `READ` are the FHIR types it reads, `MODIFIERS` what it takes beside `:missing`, each with those of the types that it
    goes with (none: with all). Any: each kind has an `Asked` of its own, made by `wanted` and seen by no other.
    """

    @property
    def READ(self) -> Mapping[str, object] | AbstractSet[str]: ...  # noqa: N802, D102 - the modules' constant

    @property
    def MODIFIERS(self) -> Mapping[str, frozenset[str]]: ...  # noqa: N802, D102 - the modules' constant

    def store(self, parameter: Parameter, path: Path) -> Store:
        """What keeps an element at `path`."""
        ...

    def wanted(self, value: Value) -> Any:
        """What `value` asks for. Raises ValueError, whose text goes on from `the value …`."""
        ...

    def predicate(self, condition: AnyCondition) -> Predicate:
        """The rows that meet the condition; where it is `hashed`, possibly some that only seem to."""
        ...

    def hashed(self, condition: AnyCondition) -> bool:
        """Whether a row may seem to meet the condition because two values have one hash."""
        ...

    def meets(self, condition: AnyCondition, node: Node, datatype: str, base_url: str) -> bool:
        """Whether the element, of a FHIR type that `READ` has, meets the condition."""
        ...


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "token": token,
        "reference": reference,
        "date": date,
        "string": string,
        "quantity": quantity,
        "number": number,
        "uri": uri,
        "composite": composite,
    }
)


def modifiers(parameter: Parameter) -> frozenset[str]:
    """The modifiers that the parameter takes, beside `:missing` and the types of a reference."""
    datatypes = {path.datatype for path in parameter.paths}
    takes = KINDS[parameter.kind].MODIFIERS
    return frozenset(name for name, types in takes.items() if not types or not types.isdisjoint(datatypes))
