"""Invariants as conditions: judged on an object here, and compiled into the schema from the same text.

https://hl7.org/fhir/R4/conformance-rules.html#constraints

The conditions are made by `definitions/generate/invariants.py`, which tells their forms.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from fhir_server.definitions.structure import Element, StructureType, primitives, structure

Condition: TypeAlias = Sequence[Any]  # nested lists of names and literals
Node: TypeAlias = Mapping[str, Any]  # a JSON object
Schema: TypeAlias = dict[str, Any]  # JSON Schema has no narrower type


def holds(condition: Condition, node: Node, type: StructureType) -> bool:
    """Whether `node`, an object of that type, meets the condition."""
    match condition:
        case ["and", *parts]:
            return all(holds(part, node, type) for part in parts)
        case ["or", *parts]:
            return any(holds(part, node, type) for part in parts)
        case ["not", inner]:
            return not holds(inner, node, type)
        case ["exists", path]:
            return any(True for _ in _values(path, node, type))
        case ["equals", path, literals]:
            return any(_among(value, literals) for value in _values(path, node, type))
        case ["least", path, number]:
            return all(
                not isinstance(v, int | float | Decimal) or v >= number for v in _values(path, node, type)
            )
        case ["coding", path, system, codes]:
            concepts = _values(path, node, type)
            return any(_has_coding(concept, system, codes) for concept in concepts)
        case ["count", names, least, most]:
            count = sum(sum(1 for _ in _values(name, node, type)) for name in names)
            return (least is None or count >= least) and (most is None or count <= most)
    raise ValueError(f"{condition} is no condition. Generate the definitions again.")


def as_schema(condition: Condition, type: StructureType) -> Schema:
    """The JSON Schema that objects of that type satisfy exactly if they meet the condition.

    It does not know of primitives that have extensions and no value; those never reach the schema.
    """
    match condition:
        case ["and", *parts]:
            return {"allOf": [as_schema(part, type) for part in parts]}
        case ["or", *parts]:
            return _implication(parts, type) or {"anyOf": [as_schema(part, type) for part in parts]}
        case ["not", inner]:
            return {"not": as_schema(inner, type)}
        case ["exists", path]:
            return _reaching(path.split("."), {}, type)
        case ["equals", path, literals]:
            return _reaching(path.split("."), {"enum": literals}, type)
        case ["least", path, number]:
            return {"properties": {path: {"minimum": number}}}
        case ["coding", path, system, codes]:
            coding = {
                "properties": {"system": {"const": system}, "code": {"enum": codes}},
                "required": ["system", "code"],
            }
            concept = {"properties": {"coding": {"contains": coding}}, "required": ["coding"]}
            return _reaching([path], concept, type)
        case ["count", names, least, most]:
            return _counting(names, least, most, type)
    raise ValueError(f"{condition} is no condition. Generate the definitions again.")


def _implication(parts: Sequence[Condition], type: StructureType) -> Schema | None:
    """`not exists(a) or …` looks at nothing where `a` is absent."""
    for position, part in enumerate(parts):
        match part:
            case ["not", ["exists", str(name)]] if "." not in name:
                rest = [*parts[:position], *parts[position + 1 :]]
                then = as_schema(["or", *rest] if len(rest) > 1 else rest[0], type)
                return {"dependentSchemas": dict.fromkeys(_element(name, type).json_names(), then)}
    return None


def _reaching(path: Sequence[str], end: Schema, type: StructureType) -> Schema:
    element = _element(path[0], type)
    below = end
    if len(path) > 1:
        below = _reaching(path[1:], end, structure(element.types[0]))
    if below and element.many:
        below = {"contains": below}
    found = [
        {"required": [name], "properties": {name: below}} if below else {"required": [name]}
        for name in element.json_names()
    ]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _counting(names: Sequence[str], least: int | None, most: int | None, type: StructureType) -> Schema:
    if len(names) == 1 and _element(names[0], type).many:
        return _items(names[0], least, most)
    present = [_reaching([name], {}, type) for name in names]
    match least, most:
        case 1, None:
            return {"anyOf": present}
        case 1, 1:
            return {"oneOf": present}
        case None, 1:
            return {"anyOf": [{"not": {"anyOf": present}}, {"oneOf": present}]}
    raise ValueError(f"A count of {names} between {least} and {most} cannot be said in a schema.")


def _items(name: str, least: int | None, most: int | None) -> Schema:
    made: Schema = {}
    if least is not None:
        made = {"required": [name], "properties": {name: {"minItems": least}}}
    if most is not None:
        made.setdefault("properties", {}).setdefault(name, {})["maxItems"] = most
    return made


def _values(path: str, node: object, type: StructureType) -> Iterator[object]:
    """What stands at `path`; a primitive that has only extensions counts as an empty object."""
    if not isinstance(node, Mapping):
        return
    name, _, rest = path.partition(".")
    element = _element(name, type)
    for json_name in element.json_names():
        found = node.get(json_name, {} if f"_{json_name}" in node else None)
        for value in found if isinstance(found, list) else [found]:
            if value is None:
                continue
            if rest and element.types[0] not in primitives():
                yield from _values(rest, value, structure(element.types[0]))
            else:
                yield value


def _element(name: str, type: StructureType) -> Element:
    return next(element for element in type.elements if element.name == name)


def _among(value: object, literals: Sequence[object]) -> bool:
    return any(
        value == literal and isinstance(value, bool) == isinstance(literal, bool) for literal in literals
    )


def _has_coding(concept: object, system: str, codes: Sequence[str]) -> bool:
    codings = concept.get("coding") if isinstance(concept, Mapping) else None
    return isinstance(codings, list) and any(
        isinstance(coding, Mapping) and coding.get("system") == system and coding.get("code") in codes
        for coding in codings
    )
