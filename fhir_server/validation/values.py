"""The faults of single values: primitives, codes of required bindings, references.

https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from fhir_server.definitions.structure import Element, required_codes
from fhir_server.errors import Issue
from fhir_server.validation import grammar
from fhir_server.validation.places import Node, Place, issue, shown, wrong_kind
from fhir_server.validation.references import named_type, reference_pattern

_R4_TYPE: Final = "http://hl7.org/fhir/StructureDefinition/"
_REFERENCES: Final = "Write Type/id, #id, an absolute url, urn:uuid: or urn:oid:."
_MOST_CODES_SHOWN: Final = 12


def primitive(value: object, type_name: str, place: Place) -> Iterator[Issue]:
    """The issue of a value that should be of a primitive type; none if it is."""
    if type_name in grammar.INTEGER_RANGES:
        yield from _integer(value, type_name, place)
    elif type_name == "decimal":
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            yield wrong_kind(value, place, "number")
    elif type_name == "boolean":
        if not isinstance(value, bool):
            yield wrong_kind(value, place, "boolean (true or false, without quotes)")
    elif not isinstance(value, str):
        yield wrong_kind(value, place, "string")
    elif not value:
        yield issue("value", place, "is an empty string. Give it content or leave it out.")
    elif not grammar.matches(grammar.pattern(type_name), value):
        yield issue("value", place, f"{shown(value)} is not a valid {type_name}. {_advice(type_name)}")


def _integer(value: object, type_name: str, place: Place) -> Iterator[Issue]:
    least, most = grammar.INTEGER_RANGES[type_name]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        yield wrong_kind(value, place, "number")
    elif isinstance(value, Decimal):
        yield issue("value", place, f"{value} is not written as an integer. Use digits only.")
    elif not least <= value <= most:
        yield issue("value", place, f"{value} is out of range. A {type_name} is {least} to {most}.")


def code(value: object, element: Element, place: Place) -> Iterator[Issue]:
    """The issue of a code that a required binding does not have; none if it has it."""
    issues = list(primitive(value, "code", place))
    yield from issues
    systems = required_codes(element.codes or "")
    if issues or not isinstance(value, str):
        return
    if systems is None:
        if not grammar.matches(grammar.code_pattern(element.codes or ""), value):
            yield issue("code-invalid", place, f"{shown(value)} is not a code of {element.codes}.")
    elif not any(value in codes for codes in systems.values()):
        yield issue(
            "code-invalid", place, f"{shown(value)} is not a code of {element.codes}. {_choices(systems)}"
        )


def concept(value: Node, value_set: str, place: Place) -> Iterator[Issue]:
    """The issue of a CodeableConcept without a coding from a required value set; none if it has one."""
    systems = required_codes(value_set)
    codings = value.get("coding", ())
    if systems is None or any(
        coding.get("code") in systems.get(coding.get("system"), ()) for coding in codings
    ):
        return
    given = ", ".join(f"{coding.get('system')}|{coding.get('code')}" for coding in codings) or "no coding"
    yield issue("code-invalid", place, f"has {given}; one must be from {value_set}. {_choices(systems)}")


def reference(value: Node, element: Element, place: Place) -> Iterator[Issue]:
    """The issues of a Reference: its grammar, what `#id` names, and whether its `type` fits."""
    text, type = value.get("reference"), value.get("type")
    if isinstance(text, str):
        named = named_type(text)
        if not grammar.matches(reference_pattern(), text):
            yield issue("value", place.child("reference"), f"{shown(text)} is not a reference. {_REFERENCES}")
        elif text.startswith("#") and text != "#":
            yield from _fragment(text, element, place)
        elif isinstance(type, str) and named and type.removeprefix(_R4_TYPE) != named:
            yield issue("value", place.child("type"), f"is {shown(type)}, and the reference names a {named}.")
    if isinstance(type, str) and element.targets and type.removeprefix(_R4_TYPE) not in element.targets:
        yield _wrong_target(place.child("type"), type, element)


def _fragment(text: str, element: Element, place: Place) -> Iterator[Issue]:
    here = place.child("reference")
    named = place.contained_types.get(text[1:])
    if named is None:
        yield issue("invariant", here, f"{shown(text)} names no contained resource (ref-1). Contain it.")
    elif element.targets and named not in element.targets:
        yield _wrong_target(here, named, element)


def _wrong_target(place: Place, type: object, element: Element) -> Issue:
    return issue("value", place, f"refers to a {type}. Refer to one of {', '.join(element.targets)}.")


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
