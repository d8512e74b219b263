"""URIs, compared as they are written; with `:below` and `:above` by the path of a URL.

https://hl7.org/fhir/R4/search.html#uri

One URL is below another that it equals, or that it goes on from at a `/`. A `urn:` has no path. A canonical is found with its
version and without.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from fhir_server.search.params import hashes
from fhir_server.search.params.escapes import unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.sql import any_of, tokens
from fhir_server.search.params.string import LAST
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import ParamText

READ: Final = frozenset({"uri", "url", "canonical"})
MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({"above": frozenset(), "below": frozenset()})

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/|]+(/[^|]*)?")
_MOST_PARTS: Final = 100
_INDEXED: Final = 200  # characters, see `token_text` in store/tables.py


@dataclass(frozen=True, slots=True)
class Asked:
    """A URI, and where what is stored must stand to it: there, above or below."""

    place: Literal["at", "above", "below"]
    uri: str


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a URI: a token for each form it is found in, and a URL as the text that is looked through for `:below`."""
    prefix, number, present = parameter.prefix, parameter.number, presence(parameter)
    canonical = path.datatype == "canonical"

    def store_uri(node: Node, found: Found) -> None:
        found.tokens.update(present)
        for form in _forms(prefix, number, node, canonical=canonical):
            found.tokens.add(form.token)
            if "://" in form.folded:
                found.texts.append(form)

    return store_uri


def wanted(value: Value) -> Asked:
    """What `value` asks for. Raises ValueError where it asks for a path and is no URL."""
    text = unescape(value.text)
    match value.modifier:
        case "above" | "below" as place:
            if not _URL.fullmatch(text):
                raise ValueError(
                    "is no URL without version, and only those have a path. Ask without the modifier"
                )
            if text.count("/") > _MOST_PARTS:
                raise ValueError(f"has more than {_MOST_PARTS} parts. Give a shorter one")
            return Asked(place, text)
    return Asked("at", text)


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows with one of the URIs, or one above or below it."""
    parameter = condition.parameter
    below = [_below(parameter, one.uri) for one in condition.asked if one.place == "below"]
    exact = [uri for one in condition.asked if one.place != "below" for uri in _named(one)]
    return any_of([*([tokens(token(parameter.prefix, uri) for uri in exact)] if exact else []), *below])


def hashed(_: Condition[Asked]) -> bool:
    """Always: a URI is found by its token."""
    return True


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether the element is one of the URIs, or above or below it."""
    stored = forms(node) if datatype == "canonical" else (node,)
    return any(_matches(one, uri) for one in condition.asked for uri in stored)


def forms(canonical: str) -> tuple[str, ...]:
    """What a canonical is found by: as it is, and without its version."""
    return (canonical, canonical.partition("|")[0]) if "|" in canonical else (canonical,)


def token(prefix: str, uri: str) -> int:
    """The token of `uri`, as stored and as asked."""
    return hashes.token(prefix, "u", uri)


@lru_cache(maxsize=8_192)
def _forms(prefix: str, number: int, uri: str, *, canonical: bool) -> tuple[ParamText, ...]:
    stored = forms(uri) if canonical else (uri,)
    return tuple(ParamText(token(prefix, form), 0, number, form) for form in stored)


def _matches(wanted: Asked, uri: str) -> bool:
    match wanted.place:
        case "below":
            return uri == wanted.uri or uri.startswith(_inside(wanted.uri))
    return uri in _named(wanted)


def _named(wanted: Asked) -> tuple[str, ...]:
    """The URIs that what is asked for names: itself, or itself and every one above."""
    if wanted.place == "at":
        return (wanted.uri,)
    slashes = [found.start() for found in re.finditer("/", wanted.uri)][2:]
    above = [wanted.uri[:end] for slash in slashes for end in (slash, slash + 1)]
    return tuple(dict.fromkeys([wanted.uri, *above]))


def _inside(uri: str) -> str:
    """How what is below `uri`, and not itself, begins."""
    return uri if uri.endswith("/") else uri + "/"


def _below(parameter: Parameter, uri: str) -> Predicate:
    inside = _inside(uri)
    begin = inside[:_INDEXED]
    sql = (
        "r.tokens && ARRAY(SELECT v.token FROM token_text v WHERE v.param = %s "
        "AND (v.token = %s OR left(v.folded, 200) >= %s AND left(v.folded, 200) < %s AND starts_with(v.folded, %s)))"
    )
    return Predicate(sql, (parameter.number, token(parameter.prefix, uri), begin, begin + LAST, inside))
