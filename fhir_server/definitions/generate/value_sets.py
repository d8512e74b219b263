"""The codes of the value sets that required bindings name.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from fhir_server.definitions.generate.package import Definition, Package

Codes: TypeAlias = dict[str, list[str]]
_INCOMPLETE = ("valueset-toocostly", "valueset-unclosed")
_Pairs: TypeAlias = "set[tuple[str, str]]"


class NotExpandable(Exception):
    """A value set cannot be listed from the package alone: a filter, or a code system that lies outside."""


def required(package: Package, urls: Iterable[str]) -> dict[str, Codes | None]:
    """Codes by system of each value set; None where they cannot be listed and only the grammar can be checked."""
    expansion = Expansion(package)
    return {url: expansion.codes(url) for url in urls}


class Expansion:
    """Expands value sets from the definitions of one package."""

    def __init__(self, package: Package) -> None:
        self._value_sets = {item["url"]: item for item in package.definitions("ValueSet") if "url" in item}
        self._published = dict(_complete_expansions(package))
        self._code_systems = {
            item["url"]: item for item in package.definitions("CodeSystem") if "url" in item
        }

    def codes(self, url: str) -> Codes | None:
        """The codes of the value set by system, sorted; None if they cannot be listed."""
        try:
            pairs = self._pairs(url)
        except NotExpandable:
            pairs = self._published.get(url, set())
        if not pairs:
            return None
        systems = sorted({system for system, _ in pairs})
        return {system: sorted(code for of, code in pairs if of == system) for system in systems}

    def _pairs(self, url: str) -> _Pairs:
        value_set = self._value_sets.get(url.partition("|")[0])
        if value_set is None or not value_set.get("compose"):
            raise NotExpandable(url)
        compose = value_set["compose"]
        included = {pair for include in compose["include"] for pair in self._included(include)}
        return included - {pair for exclude in compose.get("exclude", ()) for pair in self._included(exclude)}

    def _included(self, include: Definition) -> _Pairs:
        sets = [self._pairs(url) for url in include.get("valueSet", ())]
        if "system" in include:
            sets.append({(include["system"], code) for code in self._system_codes(include)})
        return set.intersection(*sets)

    def _system_codes(self, include: Definition) -> set[str]:
        if "concept" in include:
            return {concept["code"] for concept in include["concept"]}
        system = self._code_systems.get(include["system"])
        if system is None or system["content"] != "complete":
            raise NotExpandable(include["system"])
        codes = set(_all_codes(system["concept"]))
        for criterion in include.get("filter", ()):
            codes &= _filtered(system, criterion)
        return codes


def _complete_expansions(package: Package) -> Iterator[tuple[str, _Pairs]]:
    """The expansions that the package publishes, where they list the whole value set (currencies, not UCUM)."""
    for bundle in package.definitions("Bundle"):
        for entry in bundle.get("entry", ()) if bundle["id"] == "valueset-expansions" else ():
            expansion = entry["resource"].get("expansion", {})
            if not any(
                extension["url"].endswith(_INCOMPLETE) for extension in expansion.get("extension", ())
            ):
                codes = {
                    (code["system"], code["code"]) for code in expansion.get("contains", ()) if "code" in code
                }
                yield entry["resource"]["url"], codes


def _filtered(system: Definition, criterion: Definition) -> set[str]:
    if criterion["property"] != "concept" or criterion["op"] not in {"is-a", "descendent-of"}:
        raise NotExpandable(f"{system['url']} filtered by {criterion['property']}")
    parents = {
        (child["code"], parent) for parent, child in _edges(system["concept"])
    }  # the hierarchy may also be told by properties
    below = {criterion["value"]}
    while more := {child for child, parent in parents if parent in below} - below:
        below |= more
    return below if criterion["op"] == "is-a" else below - {criterion["value"]}


def _edges(concepts: Iterable[Definition]) -> Iterator[tuple[str, Definition]]:
    for concept in concepts:
        for child in concept.get("concept", ()):
            yield concept["code"], child
        for stated in concept.get("property", ()):
            if stated["code"] == "subsumedBy":
                yield stated["valueCode"], concept
        yield from _edges(concept.get("concept", ()))


def _all_codes(concepts: Iterable[Definition]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _all_codes(concept.get("concept", ()))
