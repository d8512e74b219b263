"""The database as a running transaction sees it, for what is read, or done, as a part of it.

https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow

from fhir_server.store import resources
from fhir_server.store.blobs.port import Blobs
from fhir_server.store.database import Connection, Database
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.ranges import Insert
from fhir_server.store.rows import Version
from fhir_server.store.unit_of_work import UnitOfWork


class Inside(Database):
    """One connection, that of the transaction `work`, which whoever began it ends."""

    def __init__(self, work: UnitOfWork, blobs: Blobs | None) -> None:
        self._work = work
        self.blobs = blobs

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The transaction's connection: one statement after the other."""
        yield self._work.connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """The transaction itself: what is done in it is committed with the rest."""
        yield self._work

    async def current(self, type: str, id: str) -> Version | None:
        """The current version as the transaction has it, whoever may see it."""
        return await resources.read(self._work.connection, type, id, EVERYTHING)

    async def create_all(self, drafts: Sequence[Draft], beside: Insert | None = None) -> list[Version | None]:
        """Version 1 of each draft, committed with the rest; None where the id was taken."""
        if beside:
            await self._work.connection.execute(beside.sql, beside.params)
        return await self._work.create_all(drafts)

    async def number(self, drafts: Sequence[Draft]) -> None:
        """Nothing: what is made in a transaction is numbered there."""

    async def _executed(
        self, statement: LiteralString, params: Sequence[object]
    ) -> psycopg.AsyncCursor[TupleRow]:
        return await self._work.connection.cursor(binary=True).execute(statement, params)
