"""The strict JSON Schema of all resource types, made from R4's structure, and compiled once.

https://hl7.org/fhir/R4/json.html

The schema only ever says yes to what is certainly valid, and says it fast. What it refuses goes to `faults.py`, which is
the judge: there a resource may still turn out valid, since the schema knows nothing of `_name` beside a primitive, of
ids of elements, of resources inside resources, of `#id` or of `Reference.type`.

One schema holds every type, so that the sixty data types are compiled once: an instance is wrapped in an object whose
only key is its type. A schema per type would be as fast and take 6 MB each.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import jsonschema_rs

from fhir_server.definitions.structure import Element, StructureType, primitives, required_codes, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.validation import conditions, grammar
from fhir_server.validation.references import outward_reference_pattern
from fhir_server.validation.rules import RULES, Node

Schema: TypeAlias = dict[str, Any]  # JSON Schema has no narrower type

# Draft 4 is the last in which 5.0 is not an integer; that dialect holds for the embedded definitions only.
_INNER: Final = ".inner"  # an extension inside an extension: its url may be relative
_STRICT_INTEGERS: Final = "http://json-schema.org/draft-04/schema#"
# Handing an Observation to Python would cost as much as all the rest: obs-7 is looked at only where it can be broken.
_NO_OBS_7: Final = ("or", ("not", ("exists", "component")), ("not", ("exists", "value")))


def accepts(resource_type: str, resource: Node) -> bool:
    """True if `resource` is certainly a valid one of that type; False if `faults` has to look."""
    return _validator().is_valid({resource_type: resource})


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        schema(), pattern_options=jsonschema_rs.RegexOptions(), keywords={"rulesOf": _RulesOf}
    )


def schema() -> Schema:
    """The JSON Schema (2020-12) of `{"Observation": {…}}`, for every resource type."""
    definitions = _Definitions()
    types = {name: definitions.reference(name) for name in RESOURCE_TYPES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": types,
        "additionalProperties": False,
        "$defs": definitions.all(),
    }


class _RulesOf:
    """The schema keyword `rulesOf`: an object breaks none of the rules that need code, those of the type named."""

    def __init__(self, parent_schema: Schema, value: str, schema_path: list[str | int]) -> None:  # noqa: ARG002
        self._rules = RULES[value]

    # Any: the library's own signature; the schema asks for an object before.
    def validate(self, instance: Any) -> None:
        """Nothing if every rule holds. Raises ValueError if one is broken."""
        for rule in self._rules:
            for path in rule.broken(instance):
                raise ValueError(f"{rule.key} at {path}")


class _Definitions:
    """The `$defs`, each made once, when first referred to."""

    def __init__(self) -> None:
        self._made: Schema = {name: _integer(name) for name in grammar.INTEGER_RANGES}
        self._wanted: list[str] = []

    def all(self) -> Schema:
        """Every definition that was referred to, and those that they refer to."""
        while self._wanted:
            name = self._wanted.pop()
            self._made[name] = self._object(structure(name.removesuffix(_INNER)))
            if name == "Extension":
                self._made[name]["properties"]["url"] = {"type": "string", "pattern": grammar.ABSOLUTE_URI}
        return self._made

    def reference(self, type_name: str) -> Schema:
        """A reference to the definition of a complex, nested or resource type."""
        if type_name not in self._made:
            self._made[type_name] = {}
            self._wanted.append(type_name)
        return _ref(type_name)

    def _object(self, type: StructureType) -> Schema:
        made: Schema = {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                name: self._property(element, type_name, type.name)
                for element in type.elements
                for name, type_name in element.json_names().items()
                if type_name != "Resource" and (element.name != "id" or type.kind == "resource")
            },
            "required": [element.name for element in type.elements if element.min and not element.choice],
            "dependentSchemas": {},
            "allOf": [conditions.as_schema(invariant.rule, type) for invariant in type.invariants],
        }
        if type.kind == "resource":
            made["properties"]["resourceType"] = {"const": type.name}
            made["required"].append("resourceType")
        for element in type.elements:
            if element.choice:
                self._add_choice(made, type, element)
        _add_what_holds_for_all(made, type)
        return {keyword: value for keyword, value in made.items() if value not in ([], {})}

    def _add_choice(self, made: Schema, type: StructureType, element: Element) -> None:
        one = f"one {type.name}.{element.name}"
        names = list(element.json_names())
        self._made[_key(one)] = {"oneOf": [{"required": [name]} for name in names]}
        if element.min:
            made["allOf"].append(_ref(one))
        else:
            made["dependentSchemas"] |= dict.fromkeys(names, _ref(one))

    def _property(self, element: Element, type_name: str, owner: str) -> Schema:
        value = self._value(element, type_name, owner)
        return {"type": "array", "minItems": 1, "items": value} if element.many else value

    def _value(self, element: Element, type_name: str, owner: str) -> Schema:
        if element.forbids and type_name == "Quantity":
            simple = self._object(structure(type_name))
            del simple["properties"][element.forbids]
            return self._shared(f"{type_name} without {element.forbids}", simple)
        if element.codes:
            return self._coded(element.codes, type_name)
        if type_name == owner == "Extension":
            return self.reference(type_name + _INNER)
        return self._primitive(type_name) if type_name in primitives() else self.reference(type_name)

    def _coded(self, value_set: str, type_name: str) -> Schema:
        systems = required_codes(value_set)
        if systems is None:
            if type_name == "code":
                return {"type": "string", "pattern": grammar.code_pattern(value_set)}
            return self.reference(type_name)
        if type_name == "code":
            return self._shared(f"code {value_set}", {"enum": sorted(frozenset().union(*systems.values()))})
        concept = self._object(structure(type_name))
        concept["properties"]["coding"] |= {"contains": _coding_from(systems)}
        concept["required"] = ["coding"]
        return self._shared(f"{type_name} {value_set}", concept)

    def _primitive(self, type_name: str) -> Schema:
        if type_name in grammar.INTEGER_RANGES:
            return _ref(type_name)
        if type_name in {"boolean", "decimal"}:
            return {"type": {"boolean": "boolean", "decimal": "number"}[type_name]}
        return self._shared(
            f"primitive {type_name}", {"type": "string", "pattern": grammar.pattern(type_name)}
        )

    def _shared(self, name: str, made: Schema) -> Schema:
        self._made.setdefault(_key(name), made)
        return _ref(name)


def _add_what_holds_for_all(made: Schema, type: StructureType) -> None:
    """What no element definition tells: ext-1, the grammar of references, and the rules that need code."""
    if type.name == "Extension":
        values = next(element for element in type.elements if element.name == "value").json_names()
        made["oneOf"] = [{"required": ["extension"]}, *({"required": [name]} for name in values)]
    if type.name == "Reference":
        made["properties"]["reference"] = {"type": "string", "pattern": outward_reference_pattern()}
        del made["properties"]["type"]
    if type.name == "Observation":
        made["allOf"].append(conditions.as_schema(_NO_OBS_7, type))
    elif type.name in RULES:
        made["rulesOf"] = type.name


def _coding_from(systems: Mapping[str, frozenset[str]]) -> Schema:
    of_one = [
        {"properties": {"system": {"const": system}, "code": {"enum": sorted(codes)}}}
        for system, codes in systems.items()
    ]
    return {"required": ["system", "code"], "anyOf": of_one}


def _integer(type_name: str) -> Schema:
    least, most = grammar.INTEGER_RANGES[type_name]
    return {"$schema": _STRICT_INTEGERS, "id": _urn(type_name), "$id": _urn(type_name), "type": "integer"} | {
        "minimum": least,
        "maximum": most,
    }


def _urn(type_name: str) -> str:
    return f"urn:{type_name}"


def _ref(name: str) -> Schema:
    return {"$ref": _urn(name)} if name in grammar.INTEGER_RANGES else {"$ref": f"#/$defs/{_key(name)}"}


def _key(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", name)
