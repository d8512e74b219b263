"""An identifier by what kind of number it is: `:of-type=system|code|value`, where the first two are of its type.

https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.search.params import hashes
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.found import Found, Store
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Node


@dataclass(frozen=True, slots=True)
class Typed:
    """An identifier's value, and a coding of its type."""

    system: str
    code: str
    value: str


def store(parameter: Parameter) -> Store:
    """What keeps an identifier's value once for each coding of its type."""
    prefix = parameter.prefix

    def store_typed(node: Node, found: Found) -> None:
        for typed in _typed(node):
            found.tokens.add(token(prefix, typed))

    return store_typed


def asked(text: str) -> Typed:
    """What `text` asks for, its escapes still in place. Raises ValueError unless it has all three parts."""
    match [unescape(part) for part in split(text, "|")]:
        case [system, code, value] if system and code and value:
            return Typed(system, code, value)
    raise ValueError("lacks a part. Write `system|code|value`, where system and code are of Identifier.type")


def matches(wanted: Typed, node: Node) -> bool:
    """Whether the Identifier has that value and a type so coded."""
    return wanted in _typed(node)


def token(prefix: str, typed: Typed) -> int:
    """The token of the identifier, as stored and as asked."""
    return hashes.token(prefix, "i", typed.system, typed.code, typed.value)


def _typed(node: Node) -> Iterator[Typed]:
    if "type" not in node or "value" not in node:
        return
    for coding in node["type"].get("coding", ()):
        if "system" in coding and "code" in coding:
            yield Typed(coding["system"], coding["code"], node["value"])
