"""Ids of elements, which no two elements of a resource may share.

https://hl7.org/fhir/R4/element.html#id
"""

from collections.abc import Iterator, Mapping

from fhir_server.errors import Issue
from fhir_server.validation.places import Node, Place, issue, shown


def repeated_ids(node: Node, place: Place) -> Iterator[Issue]:
    """An issue for each element of the resource `node` whose id an earlier one has."""
    seen: set[object] = set()
    for path, id in _element_ids(node, place.path):
        if id in seen:
            yield issue("invariant", Place(path), f"{shown(id)} is the id of two elements. Change one.")
        seen.add(id)


def _element_ids(node: object, path: str) -> Iterator[tuple[str, str]]:
    """The ids of the elements below a resource; those of resources inside it are not among them."""
    for name, value in node.items() if isinstance(node, Mapping) else ():
        for position, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(item, Mapping) and "resourceType" not in item:
                here = f"{path}.{name}" if position is None else f"{path}.{name}[{position}]"
                if isinstance(item.get("id"), str):
                    yield f"{here}.id", item["id"]
                yield from _element_ids(item, here)
