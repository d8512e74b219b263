"""The audit as requests see it: records are durable before anyone is answered.

docs/adr/0019-audit.md

Records of requests at the same time share a transaction; that of a write is in the transaction of the write itself.
"""

from collections.abc import Sequence

from fhir_server.audit.record import Record
from fhir_server.store.audit.partitions import Partitions
from fhir_server.store.audit.rows import INSERT, columns
from fhir_server.store.database import Database
from fhir_server.store.gather import Gathering


class KeptAudit:
    """An audit in this server's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._partitions = Partitions(database)
        self._waiting: Gathering[Sequence[Record], None] = Gathering(self._commit, writers=1)

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, once they are durable, with those of others. Raises Unavailable when they cannot be kept."""
        if records:
            await self._partitions.be_ready()
            await self._waiting.add(records, len(records))

    async def _commit(self, together: Sequence[Sequence[Record]]) -> Sequence[None]:
        async with self._database.connection() as connection:
            await connection.execute(INSERT, columns([one for records in together for one in records]))
        return [None] * len(together)
