"""The contents outside the database, copied into a backup and back, each checked by its hash on the way.

docs/adr/0016-blobs.md

In a backup they lie in the folder `blobs`, as in a folder that is a blob store.
"""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fhir_server.errors import RequestError, Unavailable
from fhir_server.store.backup.counts import Connection
from fhir_server.store.backup.failures import BackupFailed, RestoreFailed
from fhir_server.store.backup.manifest import Manifest
from fhir_server.store.backup.progress import Progress
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.blobs.named import NAMED
from fhir_server.store.blobs.port import Blobs, Digest

_REST_OF_NAME: Final = re.compile(r"[0-9a-f]{62}")
_NAMED: Final = f"SELECT sha256, size FROM blob WHERE sha256 IN ({NAMED}) ORDER BY sha256"


def named(connection: Connection) -> list[Digest]:
    """The contents that any version names, as this connection's transaction sees them; none before schema 0004."""
    if connection.execute("SELECT to_regclass('blob') IS NOT NULL").fetchone() != (True,):
        return []
    return [Digest(bytes(sha256), int(size)) for sha256, size in connection.execute(_NAMED)]


def copy_out(blobs: Blobs | None, found: Sequence[Digest], draft: Path, progress: Progress) -> None:
    """Nothing; the contents `found` are in the backup. BackupFailed when one is missing or is not what it was."""
    if not found:
        return
    if blobs is None:
        raise BackupFailed(
            f"{len(found)} contents lie outside the database, and FHIR_BLOBS does not say where. Set it."
        )
    try:
        asyncio.run(_copied(blobs, FolderBlobs(_folder(draft)), found, draft, progress))
    except RequestError as error:
        raise BackupFailed(f"The contents outside the database cannot be copied: {error}") from error


def copy_back(blobs: Blobs | None, source: Path, described: Manifest, progress: Progress) -> None:
    """Nothing; every content of the backup is in the blob store. RestoreFailed when they are not what the manifest says."""
    found = _lying(_folder(source))
    if (len(found), sum(each.size for each in found)) != (described.blobs, described.blob_bytes):
        raise RestoreFailed(
            f"{_folder(source)} holds {len(found)} contents, and the manifest says {described.blobs} with "
            f"{described.blob_bytes} bytes. Use another backup."
        )
    if not found:
        return
    if blobs is None:
        raise RestoreFailed(f"The backup has {len(found)} contents for a blob store. Set FHIR_BLOBS.")
    try:
        with tempfile.TemporaryDirectory(prefix="fhir-restore-") as scratch:
            asyncio.run(_copied(FolderBlobs(_folder(source)), blobs, found, Path(scratch), progress))
    except RequestError as error:
        raise RestoreFailed(f"The contents of the backup cannot be copied: {error}") from error


async def _copied(
    source: Blobs, target: Blobs, found: Sequence[Digest], scratch: Path, progress: Progress
) -> None:
    done, total = 0, sum(each.size for each in found)
    for digest in found:
        progress("copying contents", done, total)
        with tempfile.NamedTemporaryFile(dir=scratch) as file:
            hashed = hashlib.sha256()
            async for part in await source.read(digest.sha256, 0, digest.size):
                hashed.update(part)
                file.write(part)
            file.flush()
            if hashed.digest() != digest.sha256:
                raise Unavailable(f"The content {digest.sha256.hex()} is not what it was when it was stored.")
            await target.put(digest, Path(file.name))
        done += digest.size


def _lying(folder: Path) -> list[Digest]:
    return [
        Digest(bytes.fromhex(path.parent.name + path.name), path.stat().st_size)
        for path in sorted(folder.glob("[0-9a-f][0-9a-f]/*"))
        if _REST_OF_NAME.fullmatch(path.name)
    ]


def _folder(backup: Path) -> Path:
    return backup / "blobs"
