"""What elements hold as tokens: a system and a code, an identifier's value, a text, contact details.

https://hl7.org/fhir/R4/search.html#token

Codes, identifiers and URIs stay as written, case included. A text (FHIR's string) is kept without case, contact details
without case and white space, a telephone number as its digits: FOLDS does the same to what is asked.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from fhir_server.search.params.paths import Node

_TELEPHONE = re.compile(r"[\d+().\-/\s]+", re.ASCII)


class Entry(NamedTuple):
    """What a resource has: a system (empty when it names none) and a code or value (empty for a bare system)."""

    system: str
    code: str


def _plain(node: Node) -> Iterator[Entry]:
    yield Entry("", node)


def _boolean(node: Node) -> Iterator[Entry]:
    yield Entry("", "true" if node else "false")


def _text(node: Node) -> Iterator[Entry]:
    yield Entry("", node.casefold())


def _coding(node: Node) -> Iterator[Entry]:
    yield Entry(node.get("system", ""), node.get("code", ""))


def _codeable_concept(node: Node) -> Iterator[Entry]:
    for coding in node.get("coding", ()):
        yield Entry(coding.get("system", ""), coding.get("code", ""))


def _identifier(node: Node) -> Iterator[Entry]:
    yield Entry(node.get("system", ""), node.get("value", ""))


def _contact_point(node: Node) -> Iterator[Entry]:
    if "value" in node:
        yield Entry("", _contact(node["value"]))


def _contact(text: str) -> str:
    """Contact details without case and white space; of a telephone number the digits."""
    if _TELEPHONE.fullmatch(text) and (digits := "".join(filter(str.isdigit, text))):
        return digits
    return "".join(text.casefold().split())


READ: Final[Mapping[str, Callable[[Node], Iterator[Entry]]]] = MappingProxyType(
    {
        "boolean": _boolean,
        "code": _plain,
        "id": _plain,
        "string": _text,
        "uri": _plain,
        "Coding": _coding,
        "CodeableConcept": _codeable_concept,
        "Identifier": _identifier,
        "ContactPoint": _contact_point,
    }
)

FOLDS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"string": str.casefold, "ContactPoint": _contact}
)
