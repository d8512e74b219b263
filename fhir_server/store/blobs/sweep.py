"""Contents that no version of any resource names, deleted.

docs/adr/0016-blobs.md, which says why no content is lost to a writer who comes at the same time.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fhir_server.store.blobs.named import NAMED
from fhir_server.store.blobs.port import Blobs
from fhir_server.store.database import Database

GRACE: Final = timedelta(days=1)
"""How long a content may wait for the resource that names it; a writer needs seconds."""

_UNNAMED: Final = f"""
SELECT sha256, size FROM blob
 WHERE noted_at < clock_timestamp() - %s::interval AND sha256 NOT IN ({NAMED}) ORDER BY sha256"""

# looked at once more with the row locked: a writer may have noted the content meanwhile
_TAKE: Final = f"""
DELETE FROM blob
 WHERE sha256 = %s AND noted_at < clock_timestamp() - %s::interval AND sha256 NOT IN ({NAMED}) RETURNING size"""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many contents nothing named, and how many bytes they had."""

    contents: int
    bytes: int


async def sweep(
    database: Database, blobs: Blobs, *, grace: timedelta = GRACE, pretend: bool = False
) -> Swept:
    """What was deleted, or would be if one did not `pretend`; raises Unavailable when the store does not answer."""
    async with database.connection() as connection:
        unnamed = await (await connection.execute(_UNNAMED, (grace,))).fetchall()
    if pretend:
        return Swept(len(unnamed), sum(size for _, size in unnamed))
    await blobs.tidy(grace)
    freed = [await _freed(database, blobs, bytes(sha256), grace) for sha256, _ in unnamed]
    return Swept(sum(size is not None for size in freed), sum(size or 0 for size in freed))


async def _freed(database: Database, blobs: Blobs, sha256: bytes, grace: timedelta) -> int | None:
    """The size of the content that was deleted; None for one that somebody wants by now."""
    async with database.transaction() as work:
        row = await (await work.connection.execute(_TAKE, (sha256, grace))).fetchone()
        if row is None:
            return None
        await blobs.delete(sha256)
        return int(row[0])
