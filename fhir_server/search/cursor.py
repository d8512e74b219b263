"""The place where a page ended, sealed so that the next link shows no clinical value.

https://hl7.org/fhir/R4/http.html#paging; https://www.rfc-editor.org/rfc/rfc5116 (AES-GCM)
"""

import os
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.errors import InvalidSearch
from fhir_server.search.order import Position

_NONCE: Final = 12
_FORM: Final = 2


@dataclass(frozen=True, slots=True)
class Cursor:
    """A search to go on with: its parameters as understood, the time it was first asked, and where it got to."""

    pairs: tuple[tuple[str, str], ...]
    asked_at: datetime
    position: Position


def seal(key: bytes, subject: str, resource_type: str, cursor: Cursor) -> str:
    """`cursor` as text for a URL, readable only with `key`, for that caller and type."""
    position = cursor.position
    plain = orjson.dumps([_FORM, cursor.pairs, cursor.asked_at, position.values, position.rid])
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(key).encrypt(nonce, zlib.compress(plain), _bound_to(subject, resource_type))
    return urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def unseal(key: bytes, subject: str, resource_type: str, text: str) -> Cursor:
    """The cursor in `text`. Raises InvalidSearch when it was changed, or made for another caller, type or server."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(subject, resource_type))
        form, pairs, asked_at, values, rid = orjson.loads(zlib.decompress(plain))
    except (InvalidTag, zlib.error, ValueError) as error:
        raise InvalidSearch(
            "The _cursor is not one of yours. Follow the next link as it was given.", "_cursor"
        ) from error
    if form != _FORM:
        raise InvalidSearch("The _cursor is of another release of this server. Search anew.", "_cursor")
    return Cursor(_pairs(pairs), datetime.fromisoformat(asked_at), Position(tuple(values), rid))


def _pairs(pairs: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)


def _bound_to(subject: str, resource_type: str) -> bytes:
    return f"{resource_type}\0{subject}".encode()
