"""Texts for addresses that only this server can read, for one caller at one path.

https://www.rfc-editor.org/rfc/rfc5116 (AES-GCM)
"""

import os
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12
_TAG: Final = 16


class Unreadable(ValueError):
    """The text was changed, or made for another path or server."""


class Foreign(Exception):
    """The text was made for another caller, or for the same one with other rights."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What texts are sealed with: a key, the path that they are for below our address, and the caller they are for.

    `caller` tells callers apart, and what one may see at different times.
    """

    key: bytes
    caller: str
    place: str

    def close(self, plain: bytes) -> str:
        """`plain` as text for a URL."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self.key).encrypt(nonce, self._tag + zlib.compress(plain), self.place.encode())
        return _text(nonce + sealed)

    def open(self, text: str) -> bytes:
        """What is in `text`. Raises Unreadable, and Foreign for what is sealed for someone else."""
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if _text(sealed) != text:
                raise Unreadable(text[:40])  # decoding passes over characters that mean nothing
            opened = AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], self.place.encode())
        except (InvalidTag, ValueError) as error:
            raise Unreadable(text[:40]) from error
        if opened[:_TAG] != self._tag:
            raise Foreign(text[:40])
        return zlib.decompress(opened[_TAG:])

    @property
    def _tag(self) -> bytes:
        return sha256(self.caller.encode()).digest()[:_TAG]


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()
