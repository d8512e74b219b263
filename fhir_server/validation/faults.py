"""Every fault of a resource, each at the deepest element that is to blame.

https://hl7.org/fhir/R4/validation.html

The slow road: it follows R4's structure element by element and is the judge wherever the schema cannot be. Numbers are
`int` and `Decimal`. An expression is FHIRPath: `Observation.value.ofType(Quantity).code`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import chain
from typing import Final

from fhir_server.definitions.structure import Element, StructureType, primitives, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Issue
from fhir_server.validation import conditions, containment, grammar
from fhir_server.validation.element_ids import repeated_ids
from fhir_server.validation.places import Node, Place, issue, shown, wrong_kind
from fhir_server.validation.rules import RULES
from fhir_server.validation.schema import accepts
from fhir_server.validation.values import code, concept, primitive, reference

_LONGEST_NAME: Final = 60
_NESTED_EXTENSION: Final = re.compile(r"xtension\[\d+\]\.extension\[\d+\]\Z")


@dataclass(frozen=True, slots=True)
class _Property:
    """What a JSON property of a type stands for; `sibling` is the `_name` that holds a primitive's extensions."""

    element: Element
    type_name: str
    sibling: str | None


def faults(resource_type: str, resource: object) -> Iterator[Issue]:
    """The issues of `resource`, which should be of that type, in the order of its elements; none if it is valid."""
    yield from _resource(resource, Place(resource_type, containment.contained_types(resource)), resource_type)


def _resource(node: object, place: Place, expected: str | None = None) -> Iterator[Issue]:
    if not isinstance(node, Mapping):
        yield wrong_kind(node, place, "object")
        return
    name = node.get("resourceType")
    if name is None:
        yield issue("required", place.child("resourceType"), "is missing. Name the type of the resource.")
    elif not isinstance(name, str) or name not in RESOURCE_TYPES:
        yield issue("value", place.child("resourceType"), f"{shown(name)} is no R4 resource type.")
    elif expected and name != expected:
        yield issue("value", place.child("resourceType"), f"is {name}. Here it must be {expected}.")
    else:
        yield from _object(node, structure(name), place)
        yield from (
            issue(fault.code, place.child(fault.path), fault.text)
            for fault in containment.faults(node, contained=place.contained)
        )
        if name != "StructureDefinition":
            yield from repeated_ids(node, place)


def _object(node: object, type: StructureType, place: Place) -> Iterator[Issue]:
    if not isinstance(node, Mapping):
        yield wrong_kind(node, place, "object")
        return
    if not node:
        yield issue("structure", place, "is an empty object. Give it content or leave it out.")
        return
    structural = chain(_unknown(node, type, place), _elements(node, type, place))
    yield from _if_none(structural, lambda: _broken_rules(node, type, place))


def _if_none(first: Iterator[Issue], then: Callable[[], Iterator[Issue]]) -> Iterator[Issue]:
    """`first`, or what comes `then` where there is none of it: a rule is judged only where the structure is right."""
    found = next(first, None)
    if found is None:
        yield from then()
    else:
        yield found
        yield from first


def _unknown(node: Node, type: StructureType, place: Place) -> Iterator[Issue]:
    known = _names(type.name)
    for name in node if not node.keys() <= known.keys() else ():
        if name not in known:
            close = get_close_matches(name, known, 1) if len(name) < _LONGEST_NAME else []
            hint = f"Did you mean {close[0]}?" if close else "Remove it."
            here = place.child(name[:_LONGEST_NAME])
            yield issue("structure", here, f"is not an element of {type.name}. {hint}")


def _elements(node: Node, type: StructureType, place: Place) -> Iterator[Issue]:
    present = _present(node, type)
    for element in type.elements:
        names = present.get(element.name)
        if names is None:
            if element.min:
                yield issue("required", place.child(element.name), f"is missing. {type.name} must have it.")
        elif len(names) > 1:
            given = " and ".join(names)
            yield issue("structure", place.child(element.name), f"is there as {given}. Keep one of them.")
        else:
            (name,) = names
            yield from _element(node, name, _properties(type.name)[name], place)


def _present(node: Node, type: StructureType) -> dict[str, dict[str, None]]:
    """The JSON names that each element is there as, `name` and `_name` being one."""
    known, properties = _names(type.name), _properties(type.name)
    found: dict[str, dict[str, None]] = {}
    for key in node:
        name = known.get(key)
        if name is not None and name in properties:
            found.setdefault(properties[name].element.name, {})[name] = None
    return found


def _element(node: Node, name: str, property: _Property, place: Place) -> Iterator[Issue]:
    element = property.element
    here = place.child(f"{element.name}.ofType({property.type_name})" if element.choice else element.name)
    beside = node.get(f"_{name}", _ABSENT) if property.sibling else _ABSENT
    if element.many:
        yield from _array(node.get(name, _ABSENT), beside, property, here)
    else:
        if name in node:
            yield from _value(node[name], property, here)
        if beside is not _ABSENT:
            yield from _extensions(beside, here, has_value=name in node)


class _Absent:
    """Marks a property that is not there; null is a value in JSON."""


_ABSENT: Final = _Absent()


def _array(values: object, siblings: object, property: _Property, place: Place) -> Iterator[Issue]:
    for array in (values, siblings):
        if not isinstance(array, list | _Absent):
            yield wrong_kind(array, place, "array")
            return
        if array == []:
            yield issue("structure", place, "is an empty array. Give it content or leave it out.")
            return
    listed = values if isinstance(values, list) else []
    beside = siblings if isinstance(siblings, list) else []
    if listed and beside and len(listed) != len(beside):
        yield issue(
            "structure", place, f"has {len(listed)} values and {len(beside)} extensions. Pad with null."
        )
        return
    for position in range(max(len(listed), len(beside))):
        value = listed[position] if listed else None
        extensions = beside[position] if beside else None
        if value is None and extensions is None:
            yield issue("structure", place.item(position), "is null with no extension beside it. Remove it.")
        if value is not None:
            yield from _value(value, property, place.item(position))
        if extensions is not None:
            yield from _extensions(extensions, place.item(position), has_value=value is not None)


def _extensions(node: object, place: Place, *, has_value: bool) -> Iterator[Issue]:
    if has_value and isinstance(node, Mapping) and set(node) == {"id"}:
        yield from primitive(node["id"], "string", place.child("id"))
    else:
        yield from _object(node, structure("Element"), place)


def _value(value: object, property: _Property, place: Place) -> Iterator[Issue]:
    element, type_name = property.element, property.type_name
    if type_name in primitives():
        yield from code(value, element, place) if element.codes else primitive(value, type_name, place)
        return
    if type_name == "Resource":
        yield from _inner_resource(value, element, place)
        return
    yield from _if_none(
        _object(value, structure(type_name), place), lambda: _in_this_use(value, element, type_name, place)
    )


def _in_this_use(value: object, element: Element, type_name: str, place: Place) -> Iterator[Issue]:
    """The faults of a value that is right in itself and wrong as this element."""
    if not isinstance(value, Mapping):
        return
    if type_name == "Reference":
        yield from reference(value, element, place)
    if element.codes:
        yield from concept(value, element.codes, place)
    if element.forbids and element.forbids in value and type_name == "Quantity":
        yield issue("structure", place.child(element.forbids), "is not allowed in this element. Remove it.")


def _inner_resource(value: object, element: Element, place: Place) -> Iterator[Issue]:
    if element.name == "contained":
        yield from _resource(value, Place(place.path, place.contained_types, contained=True))
    elif not isinstance(value, Mapping):
        yield wrong_kind(value, place, "object")
    elif not accepts(str(value.get("resourceType")), value):
        yield from _resource(value, Place(place.path, containment.contained_types(value)))


def _broken_rules(node: Node, type: StructureType, place: Place) -> Iterator[Issue]:
    if set(node) == {"id"} and type.kind in {"complex", "nested", "abstract"}:
        yield issue(
            "invariant", place, "has an id and nothing else (ele-1). Give it content or leave it out."
        )
    if type.name == "Extension":
        yield from _extension(node, place)
        if not _is_in_extension(place) and not grammar.matches(grammar.ABSOLUTE_URI, node["url"]):
            yield issue(
                "value", place.child("url"), f"{shown(node['url'])} is relative. Write an absolute url."
            )
    for invariant in type.invariants:
        if not conditions.holds(invariant.rule, node, type):
            yield issue("invariant", place, f"breaks {invariant.key}: {invariant.human}")
    for rule in RULES.get(type.name, ()):
        for path in rule.broken(node):
            yield issue("invariant", Place(place.path + path), f"breaks {rule.key}: {rule.human}.")


def _extension(node: Node, place: Place) -> Iterator[Issue]:
    has_value = any(name.lstrip("_").startswith("value") for name in node)
    if has_value == ("extension" in node):
        what = "both a value and extensions" if has_value else "neither a value nor extensions"
        yield issue("invariant", place, f"has {what} (ext-1). Give it one of them.")


def _is_in_extension(place: Place) -> bool:
    return _NESTED_EXTENSION.search(place.path) is not None


@cache
def _properties(type_name: str) -> Mapping[str, _Property]:
    return {
        name: _Property(element, type, f"_{name}" if type in primitives() and not element.bare else None)
        for element in structure(type_name).elements
        for name, type in element.json_names().items()
    }


@cache
def _names(type_name: str) -> Mapping[str, str]:
    """The property that each JSON name belongs to: `valueString` and `_valueString` to the former."""
    properties = _properties(type_name)
    own = {"resourceType": "resourceType"} if structure(type_name).kind == "resource" else {}
    siblings = {property.sibling: name for name, property in properties.items() if property.sibling}
    return own | {name: name for name in properties} | siblings
