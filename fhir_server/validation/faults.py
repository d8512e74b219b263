"""Every fault of a resource, each at the deepest element that is to blame.

https://hl7.org/fhir/R4/validation.html

The slow road: it follows R4's structure element by element and is the judge wherever the schema cannot be. Numbers are
`int` and `Decimal`. An expression is FHIRPath: `Observation.value.ofType(Quantity).code`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, TypeAlias

from fhir_server.definitions.structure import Element, StructureType, primitives, required_codes, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Issue
from fhir_server.validation import conditions, containment, grammar
from fhir_server.validation.references import is_target, named_type, reference_pattern
from fhir_server.validation.rules import RULES
from fhir_server.validation.schema import accepts

Node: TypeAlias = Mapping[str, Any]  # a JSON object

_KINDS: Final = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
_MOST_CODES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class _Property:
    """What a JSON property of a type stands for; `sibling` is the `_name` that holds a primitive's extensions."""

    element: Element
    type_name: str
    sibling: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk is: the path so far, and the resource that `#id` is looked up in."""

    path: str
    container: Node
    contained: bool = False

    def child(self, name: str) -> "_Place":
        return _Place(f"{self.path}.{name}", self.container, self.contained)

    def item(self, position: int) -> "_Place":
        return _Place(f"{self.path}[{position}]", self.container, self.contained)


def faults(resource_type: str, resource: object) -> Iterator[Issue]:
    """The issues of `resource`, which should be of that type, in the order of its elements; none if it is valid."""
    container = resource if isinstance(resource, Mapping) else {}
    yield from _resource(resource, _Place(resource_type, container), resource_type)


def _resource(node: object, place: _Place, expected: str | None = None) -> Iterator[Issue]:
    if not isinstance(node, Mapping):
        yield _wrong_kind(node, place, "object")
        return
    name = node.get("resourceType")
    if name is None:
        yield _issue("required", place.child("resourceType"), "is missing. Name the type of the resource.")
    elif not isinstance(name, str) or name not in RESOURCE_TYPES:
        yield _issue("value", place.child("resourceType"), f"{_shown(name)} is no R4 resource type.")
    elif expected and name != expected:
        yield _issue("value", place.child("resourceType"), f"is {name}. Here it must be {expected}.")
    else:
        yield from _object(node, structure(name), place)
        yield from (
            _issue(fault.code, place.child(fault.path), fault.text)
            for fault in containment.faults(node, contained=place.contained)
        )


def _object(node: object, type: StructureType, place: _Place) -> Iterator[Issue]:
    if not isinstance(node, Mapping):
        yield _wrong_kind(node, place, "object")
        return
    if not node:
        yield _issue("structure", place, "is an empty object. Give it content or leave it out.")
        return
    found = [*_unknown(node, type, place), *_elements(node, type, place)]
    yield from found or _broken_rules(node, type, place)


def _unknown(node: Node, type: StructureType, place: _Place) -> Iterator[Issue]:
    known = _properties(type.name)
    siblings = {property.sibling for property in known.values()}
    for name in node:
        if (
            name not in known
            and name not in siblings
            and not (name == "resourceType" and type.kind == "resource")
        ):
            close = get_close_matches(name, known, 1)
            hint = f"Did you mean {close[0]}?" if close else "Remove it."
            yield _issue("structure", place.child(name), f"is not an element of {type.name}. {hint}")


def _elements(node: Node, type: StructureType, place: _Place) -> Iterator[Issue]:
    for element in type.elements:
        present = [name for name in element.json_names() if name in node or f"_{name}" in node]
        if len(present) > 1:
            names = " and ".join(present)
            yield _issue("structure", place.child(element.name), f"is there as {names}. Keep one of them.")
        elif present:
            yield from _element(node, present[0], _properties(type.name)[present[0]], place)
        elif element.min:
            yield _issue("required", place.child(element.name), f"is missing. {type.name} must have it.")


def _element(node: Node, name: str, property: _Property, place: _Place) -> Iterator[Issue]:
    element = property.element
    here = place.child(f"{element.name}.ofType({property.type_name})" if element.choice else element.name)
    sibling = f"_{name}"
    if sibling in node and property.sibling is None:
        yield _issue("structure", place.child(sibling), "is not allowed here. Remove it.")
    elif element.many:
        yield from _array(node.get(name, _ABSENT), node.get(sibling, _ABSENT), property, here)
    else:
        if name in node:
            yield from _value(node[name], property, here)
        if sibling in node:
            yield from _extensions(node[sibling], here, has_value=name in node)


class _Absent:
    """Marks a property that is not there; null is a value in JSON."""


_ABSENT: Final = _Absent()


def _array(values: object, siblings: object, property: _Property, place: _Place) -> Iterator[Issue]:
    for array in (values, siblings):
        if not isinstance(array, list | _Absent):
            yield _wrong_kind(array, place, "array")
            return
        if array == []:
            yield _issue("structure", place, "is an empty array. Give it content or leave it out.")
            return
    listed = values if isinstance(values, list) else []
    beside = siblings if isinstance(siblings, list) else []
    if listed and beside and len(listed) != len(beside):
        yield _issue(
            "structure", place, f"has {len(listed)} values and {len(beside)} extensions. Pad with null."
        )
        return
    for position in range(max(len(listed), len(beside))):
        value = listed[position] if listed else None
        extensions = beside[position] if beside else None
        if value is None and extensions is None:
            yield _issue("structure", place.item(position), "is null with no extension beside it. Remove it.")
        if value is not None:
            yield from _value(value, property, place.item(position))
        if extensions is not None:
            yield from _extensions(extensions, place.item(position), has_value=value is not None)


def _extensions(node: object, place: _Place, *, has_value: bool) -> Iterator[Issue]:
    if has_value and isinstance(node, Mapping) and set(node) == {"id"}:
        yield from _primitive(node["id"], "string", place.child("id"))
    else:
        yield from _object(node, structure("Element"), place)


def _value(value: object, property: _Property, place: _Place) -> Iterator[Issue]:
    element, type_name = property.element, property.type_name
    if type_name in primitives():
        yield from _code(value, element, place) if element.codes else _primitive(value, type_name, place)
        return
    if type_name == "Resource":
        yield from _inner_resource(value, element, place)
        return
    found = list(_object(value, structure(type_name), place))
    yield from found
    if found or not isinstance(value, Mapping):
        return
    if type_name == "Reference":
        yield from _reference(value, element, place)
    if element.codes:
        yield from _concept(value, element.codes, place)
    if element.forbids and element.forbids in value and type_name == "Quantity":
        yield _issue("structure", place.child(element.forbids), "is not allowed in this element. Remove it.")


def _inner_resource(value: object, element: Element, place: _Place) -> Iterator[Issue]:
    if element.name == "contained":
        yield from _resource(value, _Place(place.path, place.container, contained=True))
    elif not isinstance(value, Mapping):
        yield _wrong_kind(value, place, "object")
    elif not accepts(str(value.get("resourceType")), value):
        yield from _resource(value, _Place(place.path, value))


def _primitive(value: object, type_name: str, place: _Place) -> Iterator[Issue]:
    if type_name in grammar.INTEGER_RANGES:
        yield from _integer(value, type_name, place)
    elif type_name == "decimal":
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            yield _wrong_kind(value, place, "number")
    elif type_name == "boolean":
        if not isinstance(value, bool):
            yield _wrong_kind(value, place, "boolean (true or false, without quotes)")
    elif not isinstance(value, str):
        yield _wrong_kind(value, place, "string")
    elif not value:
        yield _issue("value", place, "is an empty string. Give it content or leave it out.")
    elif not grammar.compiled(grammar.pattern(type_name)).match(value):
        yield _issue("value", place, f"{_shown(value)} is not a valid {type_name}. {_advice(type_name)}")


def _integer(value: object, type_name: str, place: _Place) -> Iterator[Issue]:
    least, most = grammar.INTEGER_RANGES[type_name]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        yield _wrong_kind(value, place, "number")
    elif isinstance(value, Decimal):
        yield _issue("value", place, f"{value} is not written as an integer. Use digits only.")
    elif not least <= value <= most:
        yield _issue("value", place, f"{value} is out of range. A {type_name} is {least} to {most}.")


def _code(value: object, element: Element, place: _Place) -> Iterator[Issue]:
    issues = list(_primitive(value, "code", place))
    yield from issues
    systems = required_codes(element.codes or "")
    if issues or not isinstance(value, str):
        return
    if systems is None:
        if not grammar.compiled(grammar.code_pattern(element.codes or "")).match(value):
            yield _issue("code-invalid", place, f"{_shown(value)} is not a code of {element.codes}.")
    elif not any(value in codes for codes in systems.values()):
        yield _issue(
            "code-invalid", place, f"{_shown(value)} is not a code of {element.codes}. {_choices(systems)}"
        )


def _concept(value: Node, value_set: str, place: _Place) -> Iterator[Issue]:
    systems = required_codes(value_set)
    codings = value.get("coding", ())
    if systems is None or any(
        coding.get("code") in systems.get(coding.get("system"), ()) for coding in codings
    ):
        return
    given = ", ".join(f"{coding.get('system')}|{coding.get('code')}" for coding in codings) or "no coding"
    yield _issue("code-invalid", place, f"has {given}; one must be from {value_set}. {_choices(systems)}")


def _reference(value: Node, element: Element, place: _Place) -> Iterator[Issue]:
    text = value.get("reference")
    if not isinstance(text, str):
        return
    here = place.child("reference")
    if not grammar.compiled(reference_pattern()).match(text):
        yield _issue(
            "value", here, f"{_shown(text)} is not a reference. Write Type/id, #id, an absolute url or a urn."
        )
    elif not is_target(text, element.targets):
        yield _wrong_target(here, named_type(text), element)
    elif text.startswith("#") and text != "#":
        inner = containment.named(place.container, text[1:])
        if inner is None:
            yield _issue(
                "invariant", here, f"{_shown(text)} names no contained resource (ref-1). Contain it."
            )
        elif element.targets and inner.get("resourceType") not in element.targets:
            yield _wrong_target(here, inner.get("resourceType"), element)


def _wrong_target(place: _Place, type: object, element: Element) -> Issue:
    return _issue("value", place, f"refers to a {type}. Refer to one of {', '.join(element.targets)}.")


def _broken_rules(node: Node, type: StructureType, place: _Place) -> Iterator[Issue]:
    if set(node) == {"id"} and type.kind in {"complex", "nested", "abstract"}:
        yield _issue(
            "invariant", place, "has an id and nothing else (ele-1). Give it content or leave it out."
        )
    if type.name == "Extension":
        yield from _extension(node, place)
    for invariant in type.invariants:
        if not conditions.holds(invariant.rule, node, type):
            yield _issue("invariant", place, f"breaks {invariant.key}: {invariant.human}")
    for rule in RULES.get(type.name, ()):
        for path in rule.broken(node):
            yield _issue("invariant", _Place(place.path + path, node), f"breaks {rule.key}: {rule.human}.")


def _extension(node: Node, place: _Place) -> Iterator[Issue]:
    has_value = any(name.lstrip("_").startswith("value") for name in node)
    if has_value == ("extension" in node):
        what = "both a value and extensions" if has_value else "neither a value nor extensions"
        yield _issue("invariant", place, f"has {what} (ext-1). Give it one of them.")


@cache
def _properties(type_name: str) -> Mapping[str, _Property]:
    return {
        name: _Property(element, type, f"_{name}" if type in primitives() and not element.bare else None)
        for element in structure(type_name).elements
        for name, type in element.json_names().items()
    }


def _issue(code: str, place: _Place, text: str) -> Issue:
    return Issue(code, f"{place.path}: {text}", place.path)


def _wrong_kind(value: object, place: _Place, wanted: str) -> Issue:
    kind = _KINDS.get(type(value), "number")
    article = "an" if kind[0] in "aeio" else "a"
    return _issue("structure", place, f"is {article} {kind}. It must be a JSON {wanted}.")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _choices(systems: Mapping[str, frozenset[str]]) -> str:
    codes = sorted({code for codes in systems.values() for code in codes})
    more = ", …" if len(codes) > _MOST_CODES_SHOWN else ""
    return f"Use one of {', '.join(codes[:_MOST_CODES_SHOWN])}{more}."


def _advice(type_name: str) -> str:
    return {
        "date": "Write YYYY, YYYY-MM or YYYY-MM-DD, a day that exists.",
        "dateTime": "Write YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone, a day that exists.",
        "instant": "Write YYYY-MM-DDThh:mm:ss with a time zone, a day that exists.",
        "id": "Use 1 to 64 letters, digits, '-' and '.'.",
        "time": "Write hh:mm:ss.",
    }.get(type_name, "See http://hl7.org/fhir/R4/datatypes.html#primitive.")
