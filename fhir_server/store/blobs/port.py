"""What a blob store must do; it is not asked for names, owners or lists, since the database knows them.

docs/adr/0016-blobs.md
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from fhir_server.errors import Unavailable

CHUNK: Final = 262_144
_OFF_THE_LOOP_FROM: Final = 65_536


class Digest(NamedTuple):
    """What a content is known by: its SHA-256 and its length in bytes."""

    sha256: bytes
    size: int


class BlobMissing(Unavailable):
    """A content that a resource names is not in the store: another folder or bucket is configured, or it was lost."""


class Blobs(Protocol):
    """Contents by their SHA-256. Each method raises Unavailable when the store does not answer."""

    async def put(self, digest: Digest, content: bytes | Path) -> None:
        """Nothing, once the content is there for good: a loss of power cannot take it away. Putting it again is harmless."""
        ...

    async def read(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes `[start, stop)` of a content in parts; BlobMissing, before the first part, when it is not there."""
        ...

    async def exists(self, sha256: bytes) -> bool:
        """Whether the content is there."""
        ...

    async def delete(self, sha256: bytes) -> None:
        """Nothing; the content is not there, whether or not it was."""
        ...

    async def tidy(self, age: timedelta) -> None:
        """Nothing; what was put half by a process that was killed, longer than `age` ago, is gone."""
        ...


async def digest(content: bytes | Path) -> Digest:
    """The digest of a content; raises OSError when its file cannot be read."""
    if isinstance(content, bytes) and len(content) < _OFF_THE_LOOP_FROM:
        return _digest(content)
    return await asyncio.to_thread(_digest, content)


def missing(sha256: bytes) -> BlobMissing:
    """What is told of a content that should be there."""
    return BlobMissing(
        f"The content with SHA-256 {sha256.hex()} is not in the blob store. The operator should see to FHIR_BLOBS."
    )


def _digest(content: bytes | Path) -> Digest:
    if isinstance(content, bytes):
        return Digest(hashlib.sha256(content).digest(), len(content))
    with content.open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
        return Digest(found.digest(), file.tell())
