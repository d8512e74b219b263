"""Opaque tokens: made from 256 random bits, kept as their hash, known by their beginning when they leak.

https://www.rfc-editor.org/rfc/rfc6749#section-10.10
"""

import hashlib
import secrets
from typing import Final, Literal, TypeAlias

Sort: TypeAlias = Literal["access", "refresh", "code", "secret", "binding"]

ACCESS: Final = "fhir-at-"
_BYTES: Final = 32
_PREFIX: Final[dict[Sort, str]] = {
    "access": ACCESS,
    "refresh": "fhir-rt-",
    "code": "fhir-ac-",
    "secret": "fhir-cs-",
    "binding": "fhir-wb-",
}


def token(sort: Sort) -> str:
    """A new token, which nobody can guess."""
    return _PREFIX[sort] + secrets.token_urlsafe(_BYTES)


def sha256(text: str) -> bytes:
    """What is kept of a token: it needs neither salt nor stretching, having 256 bits of its own."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
