"""Every Reference of a resource that names something elsewhere, with the element it stands in.

https://hl7.org/fhir/R4/references.html#literal
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from fhir_server.definitions.structure import primitives, structure

# resources that stand inside these are looked at when they are stored themselves, if ever
_ENVELOPES = frozenset({"Bundle", "Parameters"})


class Found(NamedTuple):
    """The text of a `Reference.reference`, and the FHIRPath of the element that holds it."""

    expression: str
    reference: str


def references(resource_type: str, tree: Mapping[str, Any]) -> Iterator[Found]:
    """The literal references of a valid resource and of what it contains, except those to what it contains.

    Any: a JSON element that was validated.
    """
    if resource_type not in _ENVELOPES:
        yield from _below(resource_type, tree, resource_type)


def _below(datatype: str, node: Mapping[str, Any], place: str) -> Iterator[Found]:
    if datatype == "Resource":
        datatype = node["resourceType"]
    if datatype == "Reference":
        text = node.get("reference")
        if isinstance(text, str) and not text.startswith("#"):
            yield Found(place, text)
    properties = _properties(datatype)
    for name, value in node.items():
        below = "Element" if name.startswith("_") else properties.get(name)
        if below is None:
            continue
        if isinstance(value, list):
            for number, item in enumerate(value):
                if item is not None:
                    yield from _below(below, item, f"{place}.{name}[{number}]")
        else:
            yield from _below(below, value, f"{place}.{name}")


@cache
def _properties(datatype: str) -> Mapping[str, str]:
    """The JSON properties of a type that hold objects, with the type of each."""
    return MappingProxyType(
        {
            name: below
            for element in structure(datatype).elements
            for name, below in element.json_names().items()
            if below not in primitives()
        }
    )
