"""Media types without their parameters: `:below=text/xml` finds `text/xml; charset=UTF-8` too.

https://hl7.org/fhir/R4/search.html#mimetype
"""

import re
from dataclasses import dataclass
from typing import Final

from fhir_server.search.params import hashes
from fhir_server.search.params.found import Found, Store
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Node, Path

VALUE_SET: Final = "http://hl7.org/fhir/ValueSet/mimetypes"

_BASE = re.compile(r"[^\s/;|]+/[^\s/;|]+")


@dataclass(frozen=True, slots=True)
class Media:
    """`type/subtype`, in lower case."""

    base: str


def is_media_type(path: Path) -> bool:
    """Whether the codes at `path` are media types."""
    return path.value_set == VALUE_SET


def store(parameter: Parameter) -> Store:
    """What keeps a media type without its parameters."""
    prefix = parameter.prefix

    def store_media(node: Node, found: Found) -> None:
        found.tokens.add(token(prefix, _media(node)))

    return store_media


def asked(text: str) -> Media:
    """What `text` asks for. Raises ValueError for anything but `type/subtype`."""
    if not _BASE.fullmatch(text):
        raise ValueError("is no media type without parameters. Write `type/subtype`")
    return _media(text)


def matches(wanted: Media, node: Node) -> bool:
    """Whether the code is that media type, with or without parameters."""
    return _media(node) == wanted


def token(prefix: str, media: Media) -> int:
    """The token of the media type, as stored and as asked."""
    return hashes.token(prefix, "m", media.base)


def _media(text: str) -> Media:
    return Media(text.partition(";")[0].strip().lower())
