"""The texts that people read for a code or an identifier, asked with `:text` as a string is.

https://hl7.org/fhir/R4/search.html#token

A resource carries one token for all the texts of an element together, since each token costs every write; the dictionary
`token_text` says which tokens have a text that begins as asked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from fhir_server.search.params import hashes, string
from fhir_server.search.params.found import Found, Store
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Node, Path
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import ParamText


@dataclass(frozen=True, slots=True)
class Text:
    """How a text of the code must begin."""

    begins: string.Asked


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps the texts of an element at `path`."""
    prefix, number, read = parameter.prefix, parameter.number, READ[path.datatype]

    def store_texts(node: Node, found: Found) -> None:
        texts = _kept(prefix, number, frozenset(read(node)))
        if texts:
            found.tokens.add(texts[0].token)
            found.texts += texts

    return store_texts


def asked(text: str) -> Text:
    """What `text` asks for. Raises ValueError when folding leaves nothing of it."""
    return Text(string.asked(text, "starts"))


def predicate(parameter: Parameter, wanted: Text) -> Predicate:
    """The rows that carry the token of a text that begins as asked."""
    begins = string.lies(wanted.begins)
    sql = f"r.tokens && ARRAY(SELECT v.token FROM token_text v WHERE v.param = %s AND {begins.sql})"
    return Predicate(sql, (parameter.number, *begins.params))


def matches(wanted: Text, node: Node, datatype: str) -> bool:
    """Whether a text of the element begins as asked."""
    return any(string.matches(wanted.begins, text) for text in READ[datatype](node))


@lru_cache(maxsize=8_192)
def _kept(prefix: str, number: int, texts: frozenset[str]) -> tuple[ParamText, ...]:
    folded = sorted({string.normalize(text) for text in texts} - {""})
    token = hashes.token(prefix, "t", *folded)
    return tuple(ParamText(token, place, number, text) for place, text in enumerate(folded))


def _coding(node: Node) -> Iterator[str]:
    if "display" in node:
        yield node["display"]


def _codeable_concept(node: Node) -> Iterator[str]:
    if "text" in node:
        yield node["text"]
    for coding in node.get("coding", ()):
        yield from _coding(coding)


def _identifier(node: Node) -> Iterator[str]:
    type = node.get("type", {})
    if "text" in type:
        yield type["text"]


READ: Final[Mapping[str, Callable[[Node], Iterator[str]]]] = MappingProxyType(
    {"Coding": _coding, "CodeableConcept": _codeable_concept, "Identifier": _identifier}
)
