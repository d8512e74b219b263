"""A resource thinned out as `_summary` and `_elements` ask, tagged SUBSETTED.

https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from fhir_server.definitions.structure import primitives, structure
from fhir_server.definitions.summary import mandatory_elements, summary_elements
from fhir_server.errors import InvalidSearch
from fhir_server.json import JsonObject, JsonValue

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}

_ALWAYS: Final = frozenset({"resourceType", "id", "meta", "implicitRules"})
_SUMMARIES: Final = ("true", "text", "data", "count", "false")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is kept of each resource: the elements of a summary, or those that are named."""

    summary: str | None = None
    elements: frozenset[str] | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.summary is None and self.elements is None

    @property
    def beside(self) -> "Shape":
        """What is kept of the resources that are included beside matches: the elements that are named are the matches'."""
        return Shape(summary=self.summary)


def shape(types: Sequence[str], summary: str | None, elements: str | None) -> Shape:
    """The shape that the values of `_summary` and `_elements` ask for (None: not given); `count` shapes nothing.

    An element may be that of any of the `types`. Raises InvalidSearch for an unknown summary or element, and for both at once.
    """
    if summary not in (None, *_SUMMARIES):
        raise InvalidSearch(
            f"_summary={summary[:40]} is unknown. It takes {', '.join(_SUMMARIES)}.", "_summary"
        )
    if summary in (None, "false", "count"):
        return Shape() if elements is None else Shape(elements=_named(types, elements))
    if elements is not None:
        raise InvalidSearch("_summary and _elements exclude each other. Give one of them.", "_elements")
    return Shape(summary=summary)


def shaped(tree: JsonObject, wanted: Shape) -> JsonObject:
    """What `wanted` keeps of the resource in `tree`, tagged SUBSETTED; `tree` itself is not changed."""
    if wanted.whole:
        return tree
    kept = _kept(tree, wanted)
    meta = tree.get("meta")
    known = meta if isinstance(meta, dict) else {}
    tags = known.get("tag")
    subsetted: JsonObject = dict(SUBSETTED)
    kept["meta"] = known | {"tag": [*(tags if isinstance(tags, list) else []), subsetted]}
    return kept


def _kept(tree: JsonObject, wanted: Shape) -> JsonObject:
    resource_type = str(tree["resourceType"])
    if wanted.elements is not None:
        return _only(
            tree, _properties(resource_type, wanted.elements) | mandatory_elements(resource_type) | _ALWAYS
        )
    if wanted.summary == "data":
        return {name: value for name, value in tree.items() if name != "text"}
    if wanted.summary == "text":
        return _only(tree, mandatory_elements(resource_type) | _ALWAYS | {"text"})
    return _summary(tree, resource_type)


def _only(tree: JsonObject, names: frozenset[str]) -> JsonObject:
    return {name: value for name, value in tree.items() if name in names}


def _summary(tree: JsonObject, type_name: str) -> JsonObject:
    names, nested = summary_elements(type_name) | {"resourceType"}, _nested(type_name)
    return {
        name: _summary_of(value, nested[name]) if name in nested else value
        for name, value in tree.items()
        if name in names
    }


def _summary_of(value: JsonValue, type_name: str) -> JsonValue:
    if isinstance(value, list):
        return [_summary_of(item, type_name) for item in value]
    return _summary(value, type_name) if isinstance(value, dict) else value


@cache
def _nested(type_name: str) -> Mapping[str, str]:
    """The nested type of each property that has one."""
    return {
        element.name: element.types[0] for element in structure(type_name).elements if "." in element.types[0]
    }


def _named(types: Sequence[str], elements: str) -> frozenset[str]:
    prefixes = tuple(f"{one}." for one in types)
    names = frozenset(
        name.partition(".")[2] if name.startswith(prefixes) else name for name in elements.split(",")
    )
    unknown = (
        names - {element.name for one in types for element in structure(one).elements} - {"resourceType"}
    )
    if unknown:
        named = ", ".join(sorted(unknown))[:100]
        fault = f"{types[0]} has no" if len(types) == 1 else "none of the types searched has an"
        raise InvalidSearch(f"_elements={named}: {fault} element of that name. Name its own.", "_elements")
    return names


def _properties(resource_type: str, names: frozenset[str]) -> frozenset[str]:
    """The JSON properties that the elements may appear as."""
    return frozenset(
        form
        for element in structure(resource_type).elements
        if element.name in names
        for json, type in element.json_names().items()
        for form in ((json, f"_{json}") if type in primitives() else (json,))
    )
