"""A large content, written to a file and hashed as it comes, so that it is never held whole.

https://www.rfc-editor.org/rfc/rfc9110#section-6.4
"""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fhir_server.errors import InsufficientStorage, Unavailable
from fhir_server.rest.asgi import Receive
from fhir_server.rest.body import parts
from fhir_server.rest.request import Request
from fhir_server.store.blobs.port import Digest
from ingest.disk import is_full

HELD: Final = 1_000_000
"""Bytes of a content that are held in memory; a longer one goes to a file, so many bytes at a time."""
_PREFIX: Final = "content-"
_LEFT_BEHIND_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A content in a file: its first bytes, and what it is known by."""

    path: Path
    head: bytes
    digest: Digest


@asynccontextmanager
async def spooled(
    request: Request, receive: Receive, limit: int, folder: Path
) -> AsyncIterator[bytes | OnDisk]:
    """The body, in a file of `folder` that is gone afterwards when it is longer than `HELD`; raises as `body` does.

    Raises Unavailable when the file cannot be written, InsufficientStorage when the disk is full.
    """
    head, rest = bytearray(), parts(request, receive, limit)
    async for part in rest:
        head += part
        if len(head) > HELD:
            break
    else:
        yield bytes(head)
        return
    path = await asyncio.to_thread(_made, folder)
    try:
        yield OnDisk(path, bytes(head[:HELD]), await _written(path, bytes(head), rest))
    finally:
        with suppress(FileNotFoundError):
            await asyncio.to_thread(path.unlink)


def sweep(folder: Path) -> None:
    """Nothing; what processes left in `folder` that were killed a day ago is gone."""
    for each in folder.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if time.time() - each.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                each.unlink()


async def _written(path: Path, first: bytes, rest: AsyncIterator[bytes]) -> Digest:
    hashed, size, waiting = hashlib.sha256(), 0, bytearray(first)

    def write(file: BinaryIO, block: bytes) -> None:
        hashed.update(block)
        file.write(block)

    try:
        with path.open("wb") as file:
            async for part in rest:
                waiting += part
                if len(waiting) > HELD:
                    await asyncio.to_thread(write, file, bytes(waiting))
                    size += len(waiting)
                    waiting.clear()
            await asyncio.to_thread(write, file, bytes(waiting))
            size += len(waiting)
    except OSError as error:
        raise _unwritable(error) from error
    return Digest(hashed.digest(), size)


def _made(folder: Path) -> Path:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX, delete=False) as file:
            return Path(file.name)
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> Unavailable:
    if is_full(error):
        return InsufficientStorage()
    return Unavailable(f"The content cannot be written down: {error.strerror}. Send it again later.")
