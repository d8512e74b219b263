"""The search parameters of each resource type: those that R4 defines, and those that US Core's searches add.

https://hl7.org/fhir/R4/searchparameter-registry.html, https://hl7.org/fhir/us/core/STU6.1/search-parameters-and-operations.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from fhir_server.definitions.files import entries
from fhir_server.definitions.types import RESOURCE_TYPES

SearchParameterType: TypeAlias = Literal[
    "number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"
]

_NOT_DOMAIN_RESOURCES = frozenset({"Binary", "Bundle", "Parameters"})


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite: the parameter it is asked like, and where it is found from the composite's place.

    An `expression` that starts with `%resource.` is read from the resource instead.
    """

    code: str
    type: SearchParameterType
    expression: str
    datatypes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter as one resource type has it.

    `expression` is FHIRPath with the alternatives of this type only, and empty for the few that are not read from
    elements (`_text`, `_content`, `_query`, `_filter` and two of Patient). `datatypes` are the FHIR types it reaches,
    `repeats` whether one resource may hold several values. `targets` are the types a reference may name here.
    """

    code: str
    type: SearchParameterType
    url: str
    expression: str
    datatypes: tuple[str, ...]
    repeats: bool
    targets: tuple[str, ...]
    components: tuple[Component, ...]


@cache
def for_type(resource_type: str) -> Mapping[str, SearchParameter]:
    """All parameters of `resource_type` by code, those of every resource (`_id`, `_lastUpdated` …) included.

    Raises KeyError for a name that is not one of the 146 types.
    """
    if resource_type not in RESOURCE_TYPES:
        raise KeyError(resource_type)
    every = _of_every_resource(domain=resource_type not in _NOT_DOMAIN_RESOURCES)
    own = {**_entries().get(resource_type, {}), **_us_core().get(resource_type, {})}
    return MappingProxyType({**every, **{code: _parameter(code, entry) for code, entry in own.items()}})


@cache
def _of_every_resource(*, domain: bool) -> dict[str, SearchParameter]:
    bases = ("Resource", "DomainResource") if domain else ("Resource",)
    return {code: _parameter(code, entry) for base in bases for code, entry in _entries()[base].items()}


@cache
def _entries() -> dict[str, dict[str, dict[str, Any]]]:
    return entries("search-parameters")


@cache
def _us_core() -> dict[str, dict[str, dict[str, Any]]]:
    return entries("us-core-search-parameters")


def _parameter(code: str, entry: dict[str, Any]) -> SearchParameter:  # Any: generated data, see files.py
    return SearchParameter(
        code=code,
        type=entry["type"],
        url=entry["url"],
        expression=entry["expression"],
        datatypes=tuple(entry["datatypes"]),
        repeats=entry["repeats"],
        targets=tuple(entry["targets"]),
        components=tuple(
            Component(part["code"], part["type"], part["expression"], tuple(part["datatypes"]))
            for part in entry["components"]
        ),
    )
