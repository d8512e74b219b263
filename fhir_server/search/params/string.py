"""Strings: names, addresses and texts, by how they begin, what they contain, or exactly.

https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from fhir_server.search.params.escapes import unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.sql import any_of, conjunction, rows
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import ParamString

MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({"exact": frozenset(), "contains": frozenset()})

_INDEXED: Final = 200  # characters, see `resource_string` in store/tables.py

Mode = Literal["starts", "contains", "exact"]

# no folded text holds this character, so that it can stand for the end of a range of texts that begin alike
LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Asked:
    """A text to look for; folded, unless it must be met exactly."""

    mode: Mode
    text: str


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a text: a row with it folded and as it was."""
    read, present = READ[path.datatype], presence(parameter)

    def store_row(node: Node, found: Found) -> None:
        found.tokens.update(present)
        for text in read(node):
            found.strings.append(ParamString(parameter.number, normalize(text), text))

    return store_row


def normalize(text: str) -> str:
    """`text` without case, accents and punctuation, its white space single: what is stored and what is asked."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in decomposed if unicodedata.category(c)[0] not in "MPSC" or c.isspace())
    return " ".join(kept.casefold().split())


def wanted(value: Value) -> Asked:
    """What `value` asks for. Raises ValueError when folding leaves nothing of it."""
    text = unescape(value.text)
    match value.modifier:
        case "exact" | "contains" as mode:
            return asked(text, mode)
    return asked(text, "starts")


def asked(text: str, mode: Mode) -> Asked:
    """What `text` asks for. Raises ValueError when folding leaves nothing of it."""
    wanted = text if mode == "exact" else normalize(text)
    if not wanted:
        raise ValueError("has no letter or digit to look for")
    return Asked(mode, wanted)


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows with a text as asked."""
    return any_of(rows("resource_string", condition.parameter, lies(one)) for one in condition.asked)


def hashed(_: Condition[Asked]) -> bool:
    """Never: texts are compared as they are."""
    return False


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether a text of the element is as asked."""
    return any(matches(one, text) for text in READ[datatype](node) for one in condition.asked)


def lies(wanted: Asked) -> Predicate:
    """Entries `v` as asked. The index holds the first `_INDEXED` characters; longer texts are compared whole as well."""
    match wanted.mode:
        case "exact":
            folded = normalize(wanted.text)[:_INDEXED]
            return Predicate("left(v.folded, 200) = %s AND v.exact = %s", (folded, wanted.text))
        case "contains":
            return Predicate("strpos(v.folded, %s) > 0", (wanted.text,))
        case "starts":
            begin = wanted.text[:_INDEXED]
            found = Predicate("left(v.folded, 200) >= %s AND left(v.folded, 200) < %s", (begin, begin + LAST))
            whole = [Predicate("starts_with(v.folded, %s)", (wanted.text,))] if begin != wanted.text else []
            return conjunction([found, *whole])


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
