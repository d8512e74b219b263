"""The bytes of files that devices wrote: small ones in the Binary itself, others in the blob store.

docs/adr/0016-blobs.md
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from fhir_server.errors import InsufficientStorage, TooLarge, Unavailable
from fhir_server.json import JsonObject
from fhir_server.store.blobs.aside import INLINE, check_in_row
from fhir_server.store.blobs.pointer import pointing, with_content
from fhir_server.store.database import Database
from ingest.errors import NoSpace
from ingest.errors import TooLarge as IngestTooLarge
from ingest.errors import Unavailable as IngestUnavailable


class StoredFiles:
    """Implements `ingest.ports.KeptFiles`; without a blob store every content is in its Binary, and a large one refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, path: Path, size: int) -> Mapping[str, object]:
        """As the port says."""
        blobs, nothing = self._database.blobs, JsonObject()
        try:
            if blobs is not None and size > INLINE:
                return pointing(nothing, await self._database.keep(blobs, path))
        except InsufficientStorage as error:
            raise NoSpace from error
        except Unavailable as error:
            raise IngestUnavailable(str(error)) from error
        try:
            check_in_row(size)
        except TooLarge as error:
            raise IngestTooLarge(f"The file is to be kept as it is. {error}") from error
        content = await asyncio.to_thread(path.read_bytes)
        return with_content(nothing, content) if content else nothing
