"""A folder as a blob store: a file for each content, under its SHA-256.

https://man7.org/linux/man-pages/man2/fsync.2.html: a new name lasts once its folder is synced too.
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

from fhir_server.errors import InsufficientStorage, Unavailable
from fhir_server.store.blobs.port import CHUNK, Digest, missing
from ingest.disk import is_full

_DRAFT: Final = ".draft-"


class FolderBlobs:
    """Contents in `folder`, which is made when the first one comes and is nobody else's to read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, digest: Digest, content: bytes | Path) -> None:
        """As the port says; the file gets its name only when it is whole and on the disk."""
        await asyncio.to_thread(self._put, digest, content)

    async def read(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """As the port says."""
        path = self.path(sha256)
        if await asyncio.to_thread(_size, path) < stop:
            raise missing(sha256)
        return _parts(path, start, stop)

    async def exists(self, sha256: bytes) -> bool:
        """As the port says."""
        return await asyncio.to_thread(self.path(sha256).exists)

    async def tidy(self, age: timedelta) -> None:
        """As the port says."""
        with _told():
            await asyncio.to_thread(self._tidy, time.time() - age.total_seconds())

    async def delete(self, sha256: bytes) -> None:
        """As the port says."""
        with _told():
            await asyncio.to_thread(self.path(sha256).unlink, missing_ok=True)

    def path(self, sha256: bytes) -> Path:
        """Where a content is, or would be."""
        name = sha256.hex()
        return self._folder / name[:2] / name[2:]

    def _tidy(self, before: float) -> None:
        for draft in self._folder.glob(f"[0-9a-f][0-9a-f]/{_DRAFT}*"):
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < before:
                    draft.unlink()

    def _put(self, digest: Digest, content: bytes | Path) -> None:
        path = self.path(digest.sha256)
        with _told():
            if not _holds(path, digest):
                _make(path.parent)
                with _draft(path) as draft:
                    _write(draft, digest, content)
                    draft.flush()
                    os.fsync(draft.fileno())
                    Path(draft.name).rename(path)
            _sync(path.parent)  # also for whoever finds it there: who put it may not have come so far


async def _parts(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    with _told(), await asyncio.to_thread(path.open, "rb") as file:
        file.seek(start)
        left = stop - start
        while left > 0 and (part := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(part)
            yield part


def _size(path: Path) -> int:
    """The size of a file; -1 where there is none."""
    with _told():
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return -1


def _holds(path: Path, digest: Digest) -> bool:
    """Whether the file is the content, to the last bit: a damaged one is put again."""
    if _size(path) != digest.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() == digest.sha256


@contextmanager
def _draft(path: Path) -> Iterator[BinaryIO]:
    """A file that is to become `path`; nothing is left of it when it does not."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_DRAFT, delete=False) as file:
        try:
            yield file  # type: ignore[misc]  # what NamedTemporaryFile gives is a BinaryIO in all but its type
        finally:
            with suppress(FileNotFoundError):
                Path(file.name).unlink()


def _write(draft: BinaryIO, digest: Digest, content: bytes | Path) -> None:
    """Writes the content, which must be what `digest` says: a file may have changed since it was read."""
    if isinstance(content, bytes):
        draft.write(content)
        return
    hashed = hashlib.sha256()
    with content.open("rb") as source:
        while part := source.read(CHUNK):
            hashed.update(part)
            draft.write(part)
    if hashed.digest() != digest.sha256:
        raise Unavailable("A file changed while it was taken in. Send it again.")


def _make(folder: Path) -> None:
    """Makes `folder` and those above it, each there for good."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told() -> Iterator[None]:
    """A failure of the file system in words for a client, without a path."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise InsufficientStorage from error
        raise Unavailable(f"The folder of the blob store cannot be used: {error.strerror}.") from error
