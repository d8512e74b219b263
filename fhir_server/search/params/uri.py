"""URIs, compared as they are written.

https://hl7.org/fhir/R4/search.html#uri
"""

from types import MappingProxyType
from typing import Final

from fhir_server.search.params import hashes
from fhir_server.search.params.escapes import unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.sql import tokens
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import ParamString

READ: Final = frozenset({"uri", "url", "canonical"})
MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({})


def store(parameter: Parameter, _: Path) -> Store:
    """What keeps a URI: a token, and for the type's own parameters a row that it can be found above or below by."""
    prefix, present = parameter.prefix, presence(parameter)
    searchable_below = parameter.code not in {"_profile", "_source"}

    def store_uri(node: Node, found: Found) -> None:
        found.tokens.update(present)
        found.tokens.add(token(prefix, node))
        if searchable_below:
            found.strings.append(ParamString(parameter.number, node, node))

    return store_uri


def wanted(value: Value) -> str:
    """The URI that `value` asks for."""
    return unescape(value.text)


def predicate(condition: Condition[str]) -> Predicate:
    """The rows with one of the URIs."""
    return tokens(token(condition.parameter.prefix, one) for one in condition.asked)


def hashed(_: Condition[str]) -> bool:
    """Always: a URI is found by its token."""
    return True


def meets(condition: Condition[str], node: Node, _: str, __: str) -> bool:
    """Whether the element is one of the URIs."""
    return node in condition.asked


def token(prefix: str, uri: str) -> int:
    """The token of `uri`, as stored and as asked."""
    return hashes.token(prefix, "u", uri)
