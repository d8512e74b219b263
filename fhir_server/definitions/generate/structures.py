"""Types and their elements, out of the StructureDefinitions' snapshots.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from fhir_server.definitions.generate.package import Definition, Package

TypeEntries: TypeAlias = dict[str, Definition]

_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_REGEX = "http://hl7.org/fhir/StructureDefinition/regex"
_SYSTEM = "http://hl7.org/fhirpath/System."
_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"


def types(package: Package) -> TypeEntries:
    """Every resource, complex data type and nested element type by name; nested ones are named by their path."""
    entries: TypeEntries = {}
    for definition in own(package):
        if definition["kind"] != "primitive-type":
            _add_types(entries, definition)
    return entries


def resource_type_numbers(entries: TypeEntries) -> dict[str, int]:
    """A number for each concrete resource type: its place in the alphabet of R4's 146."""
    names = sorted(name for name, entry in entries.items() if entry["kind"] == "resource")
    return {name: number for number, name in enumerate(names, start=1)}


def primitives(package: Package) -> dict[str, Definition]:
    """Base type and official regular expression of each primitive type."""
    return {
        definition["type"]: _without_nothing(
            {"base": _last(definition["baseDefinition"]), "regex": _value_regex(definition)}
        )
        for definition in own(package)
        if definition["kind"] == "primitive-type"
    }


def required_value_sets(entries: TypeEntries) -> frozenset[str]:
    """Canonical urls of all value sets that a required binding names."""
    return frozenset(
        element["codes"] for entry in entries.values() for element in entry["elements"] if "codes" in element
    )


def own(package: Package) -> Iterable[Definition]:
    """The StructureDefinitions of R4's own types; profiles and logical models are left out."""
    return (
        definition
        for definition in package.definitions("StructureDefinition")
        if definition["kind"] in {"resource", "complex-type", "primitive-type"}
        and definition.get("derivation") != "constraint"
    )


def _add_types(entries: TypeEntries, definition: Definition) -> None:
    root = definition["type"]
    entries[root] = {
        "kind": _kind(definition),
        "base": _last(definition.get("baseDefinition", "")),
        "elements": [],
    }
    elements = definition["snapshot"]["element"][1:]
    parents = {element["path"].rpartition(".")[0] for element in elements}
    for element in elements:
        parent, _, name = element["path"].rpartition(".")
        if element["path"] in parents:
            base = element["type"][0]["code"]
            entries[element["path"]] = {"kind": "nested", "base": base, "elements": []}
        if not _inherited(element, root):
            nested = element["path"] if element["path"] in parents else None
            entries[parent]["elements"].append(_element(element, name, nested))


def _kind(definition: Definition) -> str:
    if definition["abstract"]:
        return "abstract"
    return "resource" if definition["kind"] == "resource" else "complex"


def _inherited(element: Definition, root: str) -> bool:
    return str(element["base"]["path"]).partition(".")[0] != root


def _element(element: Definition, name: str, nested: str | None) -> Definition:
    binding = element.get("binding", {})
    return _without_nothing(
        {
            "name": name.removesuffix("[x]"),
            "choice": name.endswith("[x]"),
            "types": [nested] if nested else _type_names(element),
            "min": element["min"],
            "many": element["max"] == "*",
            "bare": element.get("type", [{}])[0].get("code", "").startswith(_SYSTEM),
            "summary": element.get("isSummary", False),
            "targets": _targets(element),
            "codes": binding["valueSet"].partition("|")[0] if binding.get("strength") == "required" else None,
            "forbids": "comparator" if "SimpleQuantity" in str(element.get("type")) else None,
        }
    )


def _type_names(element: Definition) -> list[str]:
    if "contentReference" in element:
        return [element["contentReference"].removeprefix("#")]
    if element["base"]["path"] == "Resource.id":
        return ["id"]
    return [_type_name(type) for type in element["type"]]


def _type_name(type: Definition) -> str:
    for extension in type.get("extension", ()):
        if extension["url"] == _FHIR_TYPE:
            return str(extension["valueUrl"])
    return str(type["code"])


def _targets(element: Definition) -> list[str]:
    references = [type for type in element.get("type", ()) if type["code"] == "Reference"]
    targets = {_last(target) for type in references for target in type.get("targetProfile", ())}
    return [] if "Resource" in targets else sorted(targets)


def _value_regex(definition: Definition) -> str | None:
    for element in definition["snapshot"]["element"]:
        for extension in element["type"][0].get("extension", ()) if "type" in element else ():
            if element["path"].endswith(".value") and extension["url"] == _REGEX:
                return str(extension["valueString"])
    return None


def _last(canonical: str) -> str:
    return canonical.removeprefix(_STRUCTURE)


def _without_nothing(entry: Mapping[str, object]) -> Definition:
    return {key: value for key, value in entry.items() if value not in (None, False, [], 0, "")}
