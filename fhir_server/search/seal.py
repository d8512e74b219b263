"""Texts for addresses that only this server can read, for one caller at one path.

https://www.rfc-editor.org/rfc/rfc5116 (AES-GCM)
"""

import os
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12


class Unreadable(ValueError):
    """The text was changed, or made for another caller, path or server."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What texts are sealed with: a key, the caller they are for, and the path that they are for below our address."""

    key: bytes
    subject: str
    place: str

    def close(self, plain: bytes) -> str:
        """`plain` as text for a URL."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self.key).encrypt(nonce, zlib.compress(plain), self._bound)
        return _text(nonce + sealed)

    def open(self, text: str) -> bytes:
        """What is in `text`. Raises Unreadable."""
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if _text(sealed) != text:
                raise Unreadable(text[:40])  # decoding passes over characters that mean nothing
            return zlib.decompress(AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound))
        except (InvalidTag, zlib.error, ValueError) as error:
            raise Unreadable(text[:40]) from error

    @property
    def _bound(self) -> bytes:
        return f"{self.place}\0{self.subject}".encode()


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()
