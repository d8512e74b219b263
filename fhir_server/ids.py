"""Ids that the server assigns: UUIDv7, so that new rows stand together in the index.

https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
"""

import secrets
import time
import uuid


def uuid7() -> str:
    """A new id: 48 bits of milliseconds since 1970, then 74 random bits."""
    return str(uuid.UUID(int=_uuid7()))


def uuid7_bytes() -> bytes:
    """A new id as its 16 bytes."""
    return _uuid7().to_bytes(16)


def _uuid7() -> int:
    milliseconds = time.time_ns() // 1_000_000
    noise = secrets.randbits(74)
    return (milliseconds << 80) | (0x7 << 76) | ((noise >> 62) << 64) | (0b10 << 62) | (noise & (2**62 - 1))
