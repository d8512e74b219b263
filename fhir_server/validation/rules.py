"""Invariants that need code: several objects at once, an order, or a text to be parsed.

https://hl7.org/fhir/R4/conformance-rules.html#constraints

`RULES` is the whole list, by the type that each is about, and has what R4 says of `SampledData.data` in words. The invariants that concern one object only are generated
(`definitions/generate/invariants.py`).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from fhir_server.validation import narrative
from fhir_server.validation.dates import is_before

Node: TypeAlias = Mapping[str, Any]  # a JSON object whose own structure has no fault


@dataclass(frozen=True, slots=True)
class Rule:
    """`broken` yields the paths below the object that break the rule, an empty one for the object itself."""

    key: str
    human: str
    broken: Callable[[Node], Iterator[str]]


def _bundle_requests(bundle: Node) -> Iterator[str]:
    wanted = bundle.get("type") in {"batch", "transaction", "history"}
    yield from _entries_where(bundle, lambda entry: ("request" in entry) != wanted, "request")


def _bundle_responses(bundle: Node) -> Iterator[str]:
    wanted = bundle.get("type") in {"batch-response", "transaction-response", "history"}
    yield from _entries_where(bundle, lambda entry: ("response" in entry) != wanted, "response")


def _entries_where(bundle: Node, is_broken: Callable[[Node], bool], name: str) -> Iterator[str]:
    for position, entry in enumerate(bundle.get("entry", ())):
        if is_broken(entry):
            yield f".entry[{position}].{name}"


def _bundle_full_urls(bundle: Node) -> Iterator[str]:
    seen = set()
    for position, entry in enumerate(bundle.get("entry", ())):
        if "fullUrl" in entry and bundle.get("type") != "history":
            version = entry.get("resource", {}).get("meta", {}).get("versionId", "")
            if (entry["fullUrl"], version) in seen:
                yield f".entry[{position}].fullUrl"
            seen.add((entry["fullUrl"], version))


def _bundle_first(type: str, first: str) -> Callable[[Node], Iterator[str]]:
    def broken(bundle: Node) -> Iterator[str]:
        entries = bundle.get("entry") or [{}]
        if bundle.get("type") == type and entries[0].get("resource", {}).get("resourceType") != first:
            yield ".entry[0].resource" if "entry" in bundle else ".entry"

    return broken


def _full_url_names_version(entry: Node) -> Iterator[str]:
    if "/_history/" in entry.get("fullUrl", ""):
        yield ".fullUrl"


def _repeated(nodes: Sequence[Node], key: Callable[[Node], object], path: str) -> Iterator[str]:
    seen = set()
    for position, node in enumerate(nodes):
        value = key(node)
        if value is not None and value in seen:
            yield path.format(position)
        seen.add(value)


def _distinct(children: str, *names: str) -> Callable[[Node], Iterator[str]]:
    def key(child: Node) -> object:
        return tuple(child.get(name) for name in names) if any(name in child for name in names) else None

    def broken(node: Node) -> Iterator[str]:
        return _repeated(node.get(children, ()), key, f".{children}[{{}}].{names[0]}")

    return broken


def _distinct_below(children: str, name: str) -> Callable[[Node], Iterator[str]]:
    def nested(node: Node, path: str) -> Iterator[tuple[str, object]]:
        for position, child in enumerate(node.get(children, ())):
            place = f"{path}.{children}[{position}]"
            yield f"{place}.{name}", child.get(name)
            yield from nested(child, place)

    def broken(node: Node) -> Iterator[str]:
        seen = set()
        for path, value in nested(node, ""):
            if value is not None and value in seen:
                yield path
            seen.add(value)

    return broken


def _ordered(earlier: str, later: str) -> Callable[[Node], Iterator[str]]:
    def broken(node: Node) -> Iterator[str]:
        if is_before(node.get(later), node.get(earlier)):
            yield ""

    return broken


def _range_order(range: Node) -> Iterator[str]:
    low, high = range.get("low", {}), range.get("high", {})
    values = [low.get("value"), high.get("value")]
    same_unit = all(low.get(name) == high.get(name) for name in ("system", "code", "unit"))
    if (
        same_unit
        and all(isinstance(value, int | float | Decimal) for value in values)
        and values[0] > values[1]
    ):
        yield ""


def _components_repeat_code(observation: Node) -> Iterator[str]:
    if not any(name.startswith("value") for name in observation):
        return
    own = {_token(coding) for coding in observation.get("code", {}).get("coding", ())}
    for position, component in enumerate(observation.get("component", ())):
        if own & {_token(coding) for coding in component.get("code", {}).get("coding", ())}:
            yield f".component[{position}].code"


def _token(coding: Node) -> tuple[object, ...]:
    return tuple(coding.get(name) for name in ("system", "version", "code", "display", "userSelected"))


def _home(name: str) -> Callable[[Node], Iterator[str]]:
    def broken(organization: Node) -> Iterator[str]:
        for position, place in enumerate(organization.get(name, ())):
            if place.get("use") == "home":
                yield f".{name}[{position}].use"

    return broken


def _root_has_uuid(naming_system: Node) -> Iterator[str]:
    for position, unique in enumerate(naming_system.get("uniqueId", ())):
        if naming_system.get("kind") == "root" and unique.get("type") == "uuid":
            yield f".uniqueId[{position}].type"


def _preferred_twice(naming_system: Node) -> Iterator[str]:
    def preferred_type(unique: Node) -> object:
        return unique.get("type") if unique.get("preferred") is True else None

    return _repeated(naming_system.get("uniqueId", ()), preferred_type, ".uniqueId[{}].preferred")


def _either_or(names: Sequence[str]) -> Callable[[Node], Iterator[str]]:
    def broken(node: Node) -> Iterator[str]:
        if any(name in node for name in names) == ("component" in node):
            yield ""

    return broken


def _unnamed_version(code_system: Node) -> Iterator[str]:
    versions = code_system.get("version", ())
    for position, version in enumerate(versions):
        if len(versions) > 1 and "code" not in version:
            yield f".version[{position}].code"


_SAMPLE = re.compile(r"-?(\d{1,40}(\.\d{1,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?|[EUL]", re.ASCII)


def _no_samples(sampled: Node) -> Iterator[str]:
    text = sampled.get("data", "0")
    samples = set(text.split()) if text.isascii() else set()
    if not samples or not all(map(_SAMPLE.fullmatch, samples)):
        yield ".data"


def _narrative(text: Node) -> Iterator[str]:
    if narrative.fault(text.get("div", "")):
        yield ".div"


RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Bundle": (
        Rule(
            "bdl-3",
            "entry.request is mandatory for batch, transaction and history, else prohibited",
            _bundle_requests,
        ),
        Rule(
            "bdl-4",
            "entry.response is mandatory for batch-response, transaction-response and history, else prohibited",
            _bundle_responses,
        ),
        Rule("bdl-7", "fullUrl must be unique in a bundle, or the versions must differ", _bundle_full_urls),
        Rule("bdl-11", "a document must have a Composition first", _bundle_first("document", "Composition")),
        Rule(
            "bdl-12", "a message must have a MessageHeader first", _bundle_first("message", "MessageHeader")
        ),
    ),
    "Bundle.entry": (
        Rule("bdl-8", "fullUrl cannot be a version specific reference", _full_url_names_version),
    ),
    "CapabilityStatement": (
        Rule("cpb-7", "documents must differ in profile and mode", _distinct("document", "profile", "mode")),
    ),
    "CapabilityStatement.rest": (
        Rule("cpb-9", "a type can be listed once only", _distinct("resource", "type")),
    ),
    "CapabilityStatement.rest.resource": (
        Rule("cpb-12", "the names of search parameters must be unique", _distinct("searchParam", "name")),
    ),
    "CodeSystem": (
        Rule("csd-1", "the codes of a code system must be unique", _distinct_below("concept", "code")),
    ),
    "Measure.group.stratifier": (
        Rule(
            "mea-1",
            "a stratifier has either its own criteria or components",
            _either_or(("code", "description", "criteria")),
        ),
    ),
    "MeasureReport.group.stratifier.stratum": (
        Rule("mrp-2", "a stratum has either a value or components", _either_or(("value",))),
    ),
    "MedicationDispense": (
        Rule(
            "mdd-1",
            "whenHandedOver cannot be before whenPrepared",
            _ordered("whenPrepared", "whenHandedOver"),
        ),
    ),
    "NamingSystem": (
        Rule("nsd-1", "root systems cannot have uuid identifiers", _root_has_uuid),
        Rule("nsd-2", "there can be one preferred identifier of a type only", _preferred_twice),
    ),
    "Narrative": (
        Rule(
            "txt-1",
            "the narrative must be well-formed XHTML, its elements those that FHIR allows",
            _narrative,
        ),
    ),
    "Observation": (
        Rule("obs-7", "a component that repeats Observation.code excludes a value", _components_repeat_code),
    ),
    "Organization": (
        Rule("org-2", "an address of an organization can never be of use 'home'", _home("address")),
        Rule("org-3", "the telecom of an organization can never be of use 'home'", _home("telecom")),
    ),
    "Period": (Rule("per-1", "start must not be after end", _ordered("start", "end")),),
    "Questionnaire": (
        Rule("que-2", "linkId must be unique in a questionnaire", _distinct_below("item", "linkId")),
    ),
    "Range": (Rule("rng-2", "low must not be greater than high", _range_order),),
    "SampledData": (
        Rule("SampledData.data", "a series of decimals, E, U and L with spaces between", _no_samples),
    ),
    "Task": (
        Rule("inv-1", "lastModified must not be before authoredOn", _ordered("authoredOn", "lastModified")),
    ),
    "TerminologyCapabilities.codeSystem": (
        Rule("tcp-1", "where there are several versions each must have a code", _unnamed_version),
    ),
}
