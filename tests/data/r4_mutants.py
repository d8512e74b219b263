"""One-fault mutants of R4's examples: each is one example with one thing made wrong, and knows which element that is.

Which elements there are is taken from the definitions; what is valid is not asked of the validator. The same seed makes
the same mutants.
"""

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from fhir_server import json
from fhir_server.definitions.structure import Element, primitives, required_codes, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from tests.data.r4_examples import INVALID, lines

_SEED = 401
_LARGEST = 60_000
_DATES = {"date", "dateTime", "instant"}
_TEXTS = {"string", "markdown", "uri", "url", "canonical", "code", "id", *_DATES}
_IMPOSSIBLE_DAYS = (
    "2024-02-30",
    "2023-02-29",
    "1900-02-29",
    "2024-04-31",
    "2024-13-01",
    "2024-01-32",
    "2024-00-10",
)
_BAD_IDS = ("with blank", "under_score", "a" * 65, "sl/ash", "ümlaut", "")
_BAD_REFERENCES = (
    "not a reference",
    "Unknown/1",
    "Patient/",
    "Patient/a b",
    "/Patient/1",
    "patient/1",
    "urn:uuid:1",
)
_SAMPLES: dict[str, Any] = {
    "boolean": True,
    "string": "text",
    "dateTime": "2024-02-29",
    "date": "2024-02-29",
    "integer": 5,
    "uri": "http://example.org/uri",
    "code": "code",
    "CodeableConcept": {"text": "concept"},
    "Quantity": {"value": 5},
    "Period": {"start": "2024-02-29"},
    "Reference": {"display": "someone"},
    "Range": {"low": {"value": 5}},
}


@dataclass(frozen=True)
class Mutant:
    """A faulty resource, and the expression that must be in the answer."""

    kind: str
    origin: str
    resource_type: str
    text: bytes
    expression: str


@dataclass(frozen=True)
class _Site:
    """A property that is there: its object and key, its element and type, and its expression."""

    owner: dict[str, Any]
    name: str
    element: Element
    type: str
    path: str
    owner_path: str


def mutants(count: int) -> list[Mutant]:
    """The first `count` mutants, each kind as often as the others."""
    choose = random.Random(_SEED)
    pool = [line for line in lines() if len(line) < _LARGEST]
    made: list[Mutant] = []
    seen: set[bytes] = set()
    kinds = list(_KINDS.items())
    while len(made) < count:
        kind, mutate = kinds[len(made) % len(kinds)]
        tree = json.parse(choose.choice(pool))
        name, resource_type = f"{tree['resourceType']}/{tree.get('id')}", str(tree["resourceType"])
        expression = None if name == INVALID else mutate(tree, choose)
        text = json.dumps(tree)
        if expression and text not in seen:
            seen.add(text)
            made.append(Mutant(kind, name, resource_type, text, expression))
    return made


def _wrong_type(tree: dict[str, Any], choose: random.Random) -> str | None:
    def wrong(site: _Site, value: Any) -> Any:
        if isinstance(value, str):
            return choose.choice([7, True, {"a": "b"}, ["a"]])
        return "text" if not isinstance(value, bool) else choose.choice(["true", 1])

    return _change(tree, choose, lambda site: True, wrong)


def _wrong_code(tree: dict[str, Any], choose: random.Random) -> str | None:
    def bound(site: _Site) -> bool:
        return site.element.codes is not None and required_codes(site.element.codes) is not None

    def wrong(site: _Site, value: Any) -> Any:
        code = choose.choice(["bogus", "FINAL", "final ish"])
        return code if site.type == "code" else {"coding": [{"system": "http://example.org", "code": code}]}

    return _change(tree, choose, bound, wrong)


def _extra_element(tree: dict[str, Any], choose: random.Random) -> str | None:
    owners = {site.owner_path: site.owner for site in _sites(tree)}
    path = choose.choice(sorted(owners))
    name = choose.choice(["bogus", "Status", "value_x", "class_", "resourceTyp"])
    owners[path][name] = "x"
    return f"{path}.{name}"


def _missing(tree: dict[str, Any], choose: random.Random) -> str | None:
    site = _pick(tree, choose, lambda site: site.element.min > 0 and len(site.owner) > 2)
    if site is None:
        return None
    del site.owner[site.name]
    site.owner.pop(f"_{site.name}", None)
    return f"{site.owner_path}.{site.element.name}"


def _two_of_a_choice(tree: dict[str, Any], choose: random.Random) -> str | None:
    site = _pick(tree, choose, lambda site: site.element.choice)
    if site is None:
        return None
    others = [
        name for name, type in site.element.json_names().items() if type in _SAMPLES and name != site.name
    ]
    if not others:
        return None
    other = choose.choice(others)
    site.owner[other] = copy.deepcopy(_SAMPLES[site.element.json_names()[other]])
    return f"{site.owner_path}.{site.element.name}"


def _empty_object(tree: dict[str, Any], choose: random.Random) -> str | None:
    return _change(tree, choose, lambda site: site.type not in primitives() | {"Resource": 0}, lambda *_: {})


def _empty_array(tree: dict[str, Any], choose: random.Random) -> str | None:
    site = _pick(tree, choose, lambda site: site.element.many and site.type != "Resource")
    if site is None:
        return None
    site.owner[site.name] = []
    return f"{site.owner_path}.{site.element.name}"


def _empty_string(tree: dict[str, Any], choose: random.Random) -> str | None:
    return _change(tree, choose, lambda site: site.type in _TEXTS, lambda *_: "")


def _impossible_date(tree: dict[str, Any], choose: random.Random) -> str | None:
    def whole_day(site: _Site) -> bool:
        value = site.owner[site.name]
        return site.type in _DATES and isinstance(value, str) and len(value) >= 10

    def wrong(site: _Site, value: str) -> str:
        return choose.choice(_IMPOSSIBLE_DAYS) + value[10:]

    return _change(tree, choose, whole_day, wrong)


def _bad_id(tree: dict[str, Any], choose: random.Random) -> str | None:
    tree["id"] = choose.choice(_BAD_IDS)
    return f"{tree['resourceType']}.id"


def _bad_reference(tree: dict[str, Any], choose: random.Random) -> str | None:
    site = _pick(
        tree, choose, lambda site: site.name == "reference" and site.owner_path != tree["resourceType"]
    )
    if site is None or site.type != "string":
        return None
    site.owner["reference"] = choose.choice(_BAD_REFERENCES)
    return site.path


_KINDS: dict[str, Callable[[dict[str, Any], random.Random], str | None]] = {
    "wrong type": _wrong_type,
    "wrong code of a required binding": _wrong_code,
    "extra element": _extra_element,
    "missing required element": _missing,
    "two of a choice": _two_of_a_choice,
    "empty object": _empty_object,
    "empty array": _empty_array,
    "empty string": _empty_string,
    "impossible date": _impossible_date,
    "bad id": _bad_id,
    "bad reference": _bad_reference,
}


def _change(
    tree: dict[str, Any],
    choose: random.Random,
    fits: Callable[[_Site], bool],
    wrong: Callable[[_Site, Any], Any],
) -> str | None:
    """One fitting value replaced, an item of it where it repeats, and its expression."""
    site = _pick(tree, choose, lambda site: fits(site) and site.type != "Resource")
    if site is None:
        return None
    value = site.owner[site.name]
    if not site.element.many:
        site.owner[site.name] = wrong(site, value)
        return site.path
    position = choose.randrange(len(value))
    if value[position] is None:
        return None
    value[position] = wrong(site, value[position])
    return f"{site.path}[{position}]"


def _pick(tree: dict[str, Any], choose: random.Random, fits: Callable[[_Site], bool]) -> _Site | None:
    """A fitting site, but none that holds a `#id`: without it a contained resource would be blamed too."""
    found = [site for site in _sites(tree) if fits(site) and b'"#' not in _text(site.owner[site.name])]
    return choose.choice(found) if found else None


def _text(value: Any) -> bytes:
    return orjson.dumps(value, default=str)


def _sites(resource: dict[str, Any]) -> list[_Site]:
    name = str(resource["resourceType"])
    return list(_below(resource, name, name))


def _below(node: dict[str, Any], type_name: str, path: str) -> Iterator[_Site]:
    for element in structure(type_name).elements:
        for name, type in element.json_names().items():
            if name in node and not (name == "id" and type_name in RESOURCE_TYPES):
                here = f"{path}.{element.name}.ofType({type})" if element.choice else f"{path}.{element.name}"
                yield _Site(node, name, element, type, here, path)
                if type not in primitives():
                    yield from _inside(node[name], type, here)


def _inside(value: Any, type: str, path: str) -> Iterator[_Site]:
    items = (
        [(f"{path}[{at}]", item) for at, item in enumerate(value)]
        if isinstance(value, list)
        else [(path, value)]
    )
    for here, item in items:
        yield from _below(item, item["resourceType"] if type == "Resource" else type, here)
