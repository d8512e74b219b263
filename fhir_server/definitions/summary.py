"""What a summary of a type keeps.

https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Callable
from functools import cache

from fhir_server.definitions.structure import Element, primitives, structure


@cache
def summary_elements(type_name: str) -> frozenset[str]:
    """The JSON properties of `type_name` that `_summary=true` keeps, `_name` beside a primitive included.

    Works for nested types too (`Patient.link`), since a summary thins those out as well. For a complex data type it is
    everything: R4 marks few of their parts, and half a Quantity would be wrong. Raises KeyError for no such type.
    """
    kind = structure(type_name).kind
    return _json_properties(type_name, lambda element: kind == "complex" or element.summary)


@cache
def mandatory_elements(type_name: str) -> frozenset[str]:
    """The JSON properties that `_elements` and `_summary=text` must keep. Raises KeyError for no such type."""
    return _json_properties(type_name, lambda element: element.min > 0)


def _json_properties(type_name: str, keeps: Callable[[Element], bool]) -> frozenset[str]:
    kept = [element for element in structure(type_name).elements if keeps(element)]
    types = {name: type for element in kept for name, type in element.json_names().items()}
    return frozenset(types) | {f"_{name}" for name, type in types.items() if type in primitives()}
