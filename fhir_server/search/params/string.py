"""Strings: names, addresses and texts, by how they begin, what they contain, or exactly.

https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from fhir_server.search.params.paths import Node

Mode = Literal["starts", "contains", "exact"]

# no folded text holds this character, so that it can stand for the end of a range of texts that begin alike
LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Asked:
    """A text to look for; folded, unless it must be met exactly."""

    mode: Mode
    text: str


def normalize(text: str) -> str:
    """`text` without case, accents and punctuation, its white space single: what is stored and what is asked."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in decomposed if unicodedata.category(c)[0] not in "MPSC" or c.isspace())
    return " ".join(kept.casefold().split())


def asked(text: str, mode: Mode) -> Asked:
    """What `text` asks for. Raises ValueError when folding leaves nothing of it."""
    wanted = text if mode == "exact" else normalize(text)
    if not wanted:
        raise ValueError("has no letter or digit to look for")
    return Asked(mode, wanted)


def matches(wanted: Asked, entry: str) -> bool:
    """Whether the stored text `entry` is what was asked for."""
    match wanted.mode:
        case "exact":
            return entry == wanted.text
        case "contains":
            return wanted.text in normalize(entry)
        case "starts":
            return normalize(entry).startswith(wanted.text)


def _text(node: Node) -> Iterator[str]:
    yield node


def _parts(*names: str) -> Callable[[Node], Iterator[str]]:
    def read(node: Node) -> Iterator[str]:
        for name in names:
            value = node.get(name)
            yield from (text for text in (value if isinstance(value, list) else [value]) if text)

    return read


READ: Final[Mapping[str, Callable[[Node], Iterator[str]]]] = MappingProxyType(
    {
        "string": _text,
        "markdown": _text,
        "HumanName": _parts("text", "family", "given", "prefix", "suffix"),
        "Address": _parts("text", "line", "city", "district", "state", "postalCode", "country"),
    }
)
