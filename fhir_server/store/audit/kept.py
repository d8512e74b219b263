"""The audit as requests see it: records are durable before anyone is answered.

docs/adr/0019-audit.md

Records of requests at the same time share a transaction; that of a write is in the transaction of the write itself.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import psycopg

from fhir_server.audit.record import Record
from fhir_server.audit.trail import Trail
from fhir_server.errors import RequestError, Unavailable
from fhir_server.store.audit.partitions import Partitions
from fhir_server.store.audit.rows import inserted, unkept
from fhir_server.store.database import Connection, Database
from fhir_server.store.gathering import Gathering
from fhir_server.store.unit_of_work import Transactions, UnitOfWork

_PATIENCE: Final = 0.002


class KeptAudit:
    """An audit in this server's own database."""

    keeps = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._partitions = Partitions(database)
        self._waiting: Gathering[Sequence[Record], None] = Gathering(
            self._commit, writers=1, patience=_PATIENCE
        )

    async def be_ready(self) -> None:
        """Nothing; records of now can be kept. Raises Unavailable when they cannot."""
        await self._partitions.be_ready()

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, once they are durable, with those of others. Raises Unavailable when they cannot be kept."""
        if not records:
            return
        await self._partitions.be_ready()
        try:
            await self._waiting.add(records, len(records))
        except Unavailable:
            raise
        except (
            psycopg.Error,
            RequestError,
        ) as error:  # too slow, or no room: nothing that the client could ask less of
            raise unkept() from error

    def within(self, transactions: Transactions, trail: Trail) -> Transactions:
        """`transactions`, each of which is committed with the records of what it wrote, or not at all."""
        return _Recorded(transactions, trail, self._partitions)

    async def _commit(self, together: Sequence[Sequence[Record]]) -> Sequence[None]:
        statement = inserted([one for records in together for one in records])
        await self._database.execute(statement.sql, statement.params)
        return [None] * len(together)


@dataclass(frozen=True, slots=True)
class _Recorded:
    transactions: Transactions
    trail: Trail
    partitions: Partitions

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """One transaction with its records."""
        await self.partitions.be_ready()
        async with self.transactions.transaction() as work:
            yield work
            written = work.written
            if written:
                try:
                    await _insert(work.connection, [self.trail.written(one) for one in written])
                except psycopg.Error as error:
                    raise unkept() from error
        self.trail.kept.update((one.type, one.id, one.version) for one in written)


async def _insert(connection: Connection, records: Sequence[Record]) -> None:
    statement = inserted(records)
    await connection.execute(statement.sql, statement.params)
