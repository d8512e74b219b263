"""Strings: names, addresses and texts, by how they begin, what they contain, or exactly.

https://hl7.org/fhir/R4/search.html#string
"""

import re
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

# letters with a stroke and ligatures, which Unicode does not take apart
_BASES: Final = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ı": "i",
        "ŋ": "n",
        "ŧ": "t",
    }
)
# what `_is_ignored` would leave out
_ASCII_IGNORED: Final = dict.fromkeys(
    code for code in range(128) if not (chr(code).isalnum() or chr(code).isspace())
)
# combining classes: none (vowel signs), nukta, the voicing of kana, virama
_PART_OF_LETTER: Final = frozenset({0, 7, 8, 9})
_SELECTORS: Final = frozenset(
    {"\u034f", *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))}
)

_BETWEEN_WORDS = re.compile(r"[\s\-\u2010-\u2015]+")
_MOST_WORDS: Final = 10

# no folded text holds this character, so that it can stand for the end of a range of texts that begin alike
LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Asked:
    """A text to look for; folded, unless it must be met exactly."""

    mode: Mode
    text: str


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a text: a row with it folded and as it was, and one for each later word of a family name."""
    read, present = _reader(parameter, path.datatype), presence(parameter)

    def store_rows(node: Node, found: Found) -> None:
        found.tokens.update(present)
        for text, by_word in read(node):
            found.strings.append(ParamString(parameter.number, normalize(text), text))
            if by_word:
                found.strings += [ParamString(parameter.number, later, "") for later in later_words(text)]

    return store_rows


def normalize(text: str) -> str:
    """`text` by its base letters: without case, accents and punctuation, its white space single."""
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII_IGNORED).split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in decomposed if c.isspace() or not _is_ignored(c))
    return " ".join(unicodedata.normalize("NFKD", kept.casefold()).translate(_BASES).split())


def later_words(text: str) -> list[str]:
    """What folds of `text` from its second word on, from its third, and so on."""
    starts = [found.end() for found in _BETWEEN_WORDS.finditer(text)][:_MOST_WORDS]
    return [later for start in starts if (later := normalize(text[start:]))]


def _is_ignored(character: str) -> bool:
    """Punctuation, symbols, and the marks that are no letters: accents, not the vowel signs of Indic scripts."""
    if unicodedata.category(character) in {"Mn", "Mc"}:
        return unicodedata.combining(character) not in _PART_OF_LETTER or character in _SELECTORS
    return unicodedata.category(character)[0] in "MPSC"


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
    texts = list(_reader(condition.parameter, datatype)(node))
    return any(matches(one, text, by_word) for text, by_word in texts for one in condition.asked)


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


def matches(wanted: Asked, entry: str, by_word: bool = False) -> bool:
    """Whether the stored text `entry`, or if `by_word` what begins at a word of it, is what was asked for."""
    match wanted.mode:
        case "exact":
            return entry == wanted.text
        case "contains":
            return wanted.text in normalize(entry)
        case "starts":
            starts = [normalize(entry), *(later_words(entry) if by_word else ())]
            return any(start.startswith(wanted.text) for start in starts)


def _reader(parameter: Parameter, datatype: str) -> Callable[[Node], Iterator[tuple[str, bool]]]:
    """The texts of an element, each with whether its words are found by themselves: those of a family name are."""
    if datatype == "string" and parameter.code == "family":
        return _family
    return READ[datatype]


def _text(node: Node) -> Iterator[tuple[str, bool]]:
    yield node, False


def _family(node: Node) -> Iterator[tuple[str, bool]]:
    yield node, True


def _concept(node: Node) -> Iterator[tuple[str, bool]]:
    """For extensions, whose values may be coded where R4 has a parameter read texts."""
    for text in (node.get("text"), *(coding.get("display") for coding in node.get("coding", ()))):
        if text:
            yield text, False


def _parts(*names: str) -> Callable[[Node], Iterator[tuple[str, bool]]]:
    def read(node: Node) -> Iterator[tuple[str, bool]]:
        for name in names:
            value = node.get(name)
            for text in value if isinstance(value, list) else [value]:
                if text:
                    yield text, name == "family"

    return read


READ: Final[Mapping[str, Callable[[Node], Iterator[tuple[str, bool]]]]] = MappingProxyType(
    {
        "string": _text,
        "markdown": _text,
        "CodeableConcept": _concept,
        "HumanName": _parts("text", "family", "given", "prefix", "suffix"),
        "Address": _parts("text", "line", "city", "district", "state", "postalCode", "country"),
    }
)
