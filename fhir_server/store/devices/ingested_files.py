"""Which files were taken in, by device and digest, and which are being read now.

docs/ingest.md, "Files"
"""

from typing import Final

import orjson
from psycopg.types.json import Jsonb

from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach
from ingest.errors import FileBusy
from ingest.ports import FileKey

LEASE_SECONDS: Final = 8.0
"""How long a claim holds that nobody renews, as its process may be dead."""

_UNTIL: Final = "clock_timestamp() + %(lease)s * interval '1 second'"
_CLAIM: Final = f"""
INSERT INTO ingested_file AS f (device, sha256, name, format, received, claimed_until)
VALUES (%(device)s, %(digest)s, %(name)s, %(format)s, clock_timestamp(), {_UNTIL})
ON CONFLICT (device, sha256) DO UPDATE
SET name = excluded.name, format = excluded.format, received = excluded.received, finished = NULL,
    claimed_until = excluded.claimed_until
WHERE (f.finished IS NULL OR %(again)s) AND (f.claimed_until IS NULL OR f.claimed_until < clock_timestamp())
RETURNING 1
"""
_ZONE: Final = """
SELECT summary ->> 'zone' FROM ingested_file
WHERE device = %(device)s AND (sha256 = %(digest)s OR format = %(format)s) AND summary ->> 'zone' IS NOT NULL
ORDER BY received DESC LIMIT 1
"""
_SUMMARY: Final = """
SELECT summary::text FROM ingested_file WHERE device = %(device)s AND sha256 = %(digest)s AND finished IS NOT NULL
"""
_OPEN: Final = "WHERE device = %(device)s AND sha256 = %(digest)s AND finished IS NULL"
_RENEW: Final = f"UPDATE ingested_file SET claimed_until = {_UNTIL} {_OPEN}"
_FINISH: Final = f"""
UPDATE ingested_file SET claimed_until = NULL, finished = clock_timestamp(), summary = %(summary)s {_OPEN}
"""
_RELEASE: Final = f"DELETE FROM ingested_file {_OPEN} AND summary IS NULL"
_LEAVE: Final = (
    f"UPDATE ingested_file SET claimed_until = NULL, summary = coalesce(%(summary)s, summary) {_OPEN}"
)


class StoredIngestedFiles:
    """Implements `ingest.ports.IngestedFiles`: the first to insert a key reads the file."""

    def __init__(self, database: Database, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._lease = lease_seconds

    async def zone(self, key: FileKey, format: str | None) -> str | None:
        """The zone of the last time that the file, or one of that format, was read; None where it had no need of one."""
        async with reach(self._database) as connection:
            found = await connection.execute(_ZONE, _row(key) | {"format": format})
            row = await found.fetchone()
        return None if row is None else str(row[0])

    async def claim(self, key: FileKey, name: str, format: str, *, again: bool = False) -> bytes | None:
        """None when the caller is to read it, else the summary of then; raises FileBusy while another reads it."""
        said = {"name": name.replace("\0", ""), "format": format, "lease": self._lease, "again": again}
        async with reach(self._database) as connection:
            if (await connection.execute(_CLAIM, _row(key) | said)).rowcount:
                return None
            row = await (await connection.execute(_SUMMARY, _row(key))).fetchone()
        if row is None:
            raise FileBusy
        return str(row[0]).encode()

    async def renew(self, key: FileKey) -> None:
        """Hold the claim for another lease."""
        await self._execute(_RENEW, _row(key) | {"lease": self._lease})

    async def finish(self, key: FileKey, summary: bytes) -> None:
        """Remember the file; the first summary stands."""
        await self._execute(_FINISH, _row(key) | {"summary": Jsonb(orjson.loads(summary))})

    async def release(self, key: FileKey, summary: bytes | None = None) -> None:
        """Forget a claim that came to no end, and the file too, unless something of it was read."""
        kept = None if summary is None else Jsonb(orjson.loads(summary))
        if kept is None:
            await self._execute(_RELEASE, _row(key))
        await self._execute(_LEAVE, _row(key) | {"summary": kept})

    async def _execute(self, statement: str, parameters: dict[str, object]) -> None:
        async with reach(self._database) as connection:
            await connection.execute(statement, parameters)


def _row(key: FileKey) -> dict[str, object]:
    return {"device": key.device, "digest": key.digest}
