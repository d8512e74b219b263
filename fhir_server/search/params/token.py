"""Tokens: codes, identifiers and booleans, asked as `code`, `system|code`, `|code` or `system|`.

https://hl7.org/fhir/R4/search.html#token

Codes and systems are compared as written, case included.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from fhir_server.search.params import hashes
from fhir_server.search.params.paths import Node


class Entry(NamedTuple):
    """What a resource has: a system (empty when it names none) and a code or value (empty for a bare system)."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query wants: None leaves that side open, an empty `system` means that there is none."""

    system: str | None
    code: str | None


def asked(text: tuple[str, ...]) -> Asked:
    """What the parts of a value around its `|` ask for. Raises ValueError when there is nothing to look for."""
    match text:
        case (code,) if code:
            return Asked(None, code)
        case (system, "") if system:
            return Asked(system, None)
        case (system, code) if code:
            return Asked(system, code)
    raise ValueError("is no token. Write `code`, `system|code`, `|code` or `system|`")


def matches(wanted: Asked, entry: Entry) -> bool:
    """Whether `entry` is what was asked for."""
    return (wanted.system is None or wanted.system == entry.system) and (
        wanted.code is None or wanted.code == entry.code
    )


def asked_token(prefix: str, wanted: Asked) -> int:
    """The one token that a resource with a match carries."""
    if wanted.system is None:
        return hashes.token(prefix, "c", wanted.code or "")
    if wanted.code is None:
        return hashes.token(prefix, "y", wanted.system)
    return hashes.token(prefix, "s", wanted.system, wanted.code)


@lru_cache(maxsize=65_536)
def stored_tokens(prefix: str, system: str, code: str) -> tuple[int, ...]:
    """The tokens that a resource carries for an entry, one for each form it may be asked in."""
    found = []
    if code:
        found += [hashes.token(prefix, "c", code), hashes.token(prefix, "s", system, code)]
    if system:
        found.append(hashes.token(prefix, "y", system))
    return tuple(found)


def stored_plain(prefix: str, system: str, code: str) -> tuple[int, ...]:  # noqa: ARG001 - in place of stored_tokens
    """The token of a code whose parameter implies its system, so that it is asked without one."""
    return (_plain_token(prefix, code),)


@lru_cache(maxsize=8_192)
def _plain_token(prefix: str, code: str) -> int:
    return hashes.token(prefix, "c", code)


def _plain(node: Node) -> Iterator[Entry]:
    yield Entry("", node)


def _boolean(node: Node) -> Iterator[Entry]:
    yield Entry("", "true" if node else "false")


def _coding(node: Node) -> Iterator[Entry]:
    yield Entry(node.get("system", ""), node.get("code", ""))


def _codeable_concept(node: Node) -> Iterator[Entry]:
    for coding in node.get("coding", ()):
        yield Entry(coding.get("system", ""), coding.get("code", ""))


def _identifier(node: Node) -> Iterator[Entry]:
    yield Entry(node.get("system", ""), node.get("value", ""))


def _contact_point(node: Node) -> Iterator[Entry]:
    value = node.get("value", "")
    yield Entry(node.get("system", ""), value)
    if "use" in node:
        yield Entry(node["use"], value)


READ: Final[Mapping[str, Callable[[Node], Iterator[Entry]]]] = MappingProxyType(
    {
        "boolean": _boolean,
        "code": _plain,
        "id": _plain,
        "string": _plain,
        "uri": _plain,
        "Coding": _coding,
        "CodeableConcept": _codeable_concept,
        "Identifier": _identifier,
        "ContactPoint": _contact_point,
    }
)
