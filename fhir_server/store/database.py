"""The database as one process sees it: a pool of connections, transactions on them, and word of what they committed.

https://www.psycopg.org/psycopg3/docs/advanced/pool.html
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, LiteralString, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from fhir_server.errors import Unavailable
from fhir_server.store import resources
from fhir_server.store.arrays import register_arrays
from fhir_server.store.blobs.aside import keep, refuse_large, set_aside
from fhir_server.store.blobs.pointer import BINARY
from fhir_server.store.blobs.port import Blobs, Digest
from fhir_server.store.connection import BEYOND_TIMEOUT, PatientConnection, hang_up
from fhir_server.store.devices import assignments
from fhir_server.store.drafts import Draft
from fhir_server.store.failures import busy, is_lost, translated, unreachable
from fhir_server.store.gathering import MOST_TOGETHER, Gathering
from fhir_server.store.insert import insert, insert_together
from fhir_server.store.interning import Interning
from fhir_server.store.ranges import Insert
from fhir_server.store.rids import Rids
from fhir_server.store.rows import Key, Version
from fhir_server.store.unit_of_work import UnitOfWork
from fhir_server.store.wakes import Wakes

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

ACQUIRE_SECONDS = 10.0
ASK_AGAIN_SECONDS = 2.0
CONNECT_SECONDS = 10
READY_SECONDS = 2.0

_READ_WEIGHT: Final = MOST_TOGETHER // 16 + 1  # so many share a statement at most: a body may have megabytes

_NOTE: Final = """
INSERT INTO blob (sha256, size, noted_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (sha256) DO UPDATE SET noted_at = excluded.noted_at"""


class Database:
    """Connections to PostgreSQL; `open` before use, `close` after. Large contents go to `blobs`, where there is one."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 8,
        statement_timeout_ms: int = 10_000,
        blobs: Blobs | None = None,
    ) -> None:
        self.blobs = blobs
        self.wakes = Wakes(url, self.connection)
        self._statement_timeout_ms = statement_timeout_ms
        self._interning = Interning()
        self._rids = Rids()
        self._checking: asyncio.Task[None] | None = None
        self._in_use = 0
        self._reads: Gathering[Key, Version | None] = Gathering(self._read)
        self._pool: AsyncConnectionPool[PatientConnection] = AsyncConnectionPool(
            url,
            connection_class=PatientConnection,
            min_size=min(2, size),
            max_size=size,
            timeout=ACQUIRE_SECONDS,
            open=False,
            configure=self._configure,
            kwargs={
                "autocommit": True,
                "application_name": "fhir-server",
                "connect_timeout": CONNECT_SECONDS,
            },
            reconnect_timeout=2.0,
        )

    async def open(self) -> None:
        """Opens the pool without waiting for a first connection, so that a server starts while its database does."""
        await self._pool.open()

    async def close(self) -> None:
        """Closes every connection."""
        if self._checking is not None:
            self._checking.cancel()
        await self.wakes.close()
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit, for reads; raises Unavailable when the database is away."""
        with translated():
            async with self._acquired() as connection:
                try:
                    yield connection
                except psycopg.OperationalError:
                    self._replace_lost(connection)
                    raise

    async def row(self, statement: LiteralString, params: Sequence[object]) -> TupleRow | None:
        """The first row of a read in autocommit, None without any; raises Unavailable when the database is away.

        For what every request asks: it takes the shortest way to a connection and back, and reads in binary.
        """
        return await (await self._executed(statement, params)).fetchone()

    async def rows(self, statement: LiteralString, params: Sequence[object]) -> list[TupleRow]:
        """All rows of such a read."""
        return await (await self._executed(statement, params)).fetchall()

    async def execute(self, statement: LiteralString, params: Sequence[object]) -> None:
        """Nothing; the statement is committed, and came by the same way."""
        await self._executed(statement, params)

    async def current(self, type: str, id: str) -> Version | None:
        """The current version, which may be the deletion, whoever may see it; those who ask at once share a statement."""
        return await self._reads.add((type, id), _READ_WEIGHT)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """One transaction, committed on exit and rolled back by an exception; raises Conflict when it lost a race."""
        async with self.connection() as connection:
            work = UnitOfWork(connection, self._interning.begin(), self._rids)
            async with connection.transaction():
                yield work
            work.interned.committed()
        if work.written:
            self.wakes.changed()
        if work.apart:
            self.wakes.subscribed()

    async def create_all(self, drafts: Sequence[Draft], beside: Insert | None = None) -> list[Version | None]:
        """Version 1 of each draft, committed together, and with what is inserted `beside`; None where the id was taken.

        One statement is its own transaction: two round trips to the server less.
        """
        if any(draft.type == assignments.TYPE for draft in drafts):
            async with self.transaction() as work:
                if beside:
                    await work.connection.execute(beside.sql, beside.params)
                return await work.create_all(drafts)
        async with self.connection() as connection:
            interned = self._interning.begin()
            rids = await self._rids.take(connection, len(drafts))
            versions = await insert(connection, interned, rids, drafts, beside=beside)
            interned.committed()
        self.wakes.changed()
        return versions

    async def create_together(
        self, drafts: Sequence[Draft], patients: Iterable[str], heads: Sequence[Draft]
    ) -> bool:
        """Whether version 1 of each draft was made and committed; nothing is where one's id was taken or one of `patients` deleted.

        One statement, as `create_all`; a DeviceUseStatement assigns nothing here.
        """
        async with self.connection() as connection:
            interned = self._interning.begin()
            rids = await self._rids.take(connection, len(drafts))
            made = await insert_together(connection, interned, rids, drafts, patients, heads)
            if made:
                interned.committed()
                self.wakes.changed()
            return made

    async def set_aside(self, drafts: Sequence[Draft]) -> Sequence[Draft]:
        """`drafts`, the large contents of Binaries among them in the blob store for good, before anything is locked.

        A content that is not set aside is stored in the row. Raises TooLarge for one that is too large for that.
        """
        if not any(draft.type == BINARY for draft in drafts):
            return drafts
        if self.blobs is None:
            refuse_large(drafts)
            return drafts
        return await set_aside(self.blobs, self._note, drafts)

    async def keep(self, blobs: Blobs, content: bytes | Path, known: Digest | None = None) -> Digest:
        """The digest of a content, `known` or taken here, which is in the store for good; a resource is to name it within a day."""
        return await keep(blobs, self._note, content, known)

    async def number(self, drafts: Sequence[Draft]) -> None:
        """Numbers, committed, for the patients and codings of `drafts` that have none yet.

        A long transaction that made them itself would keep everyone else waiting who writes about the same patient.
        """
        rows = [draft.index for draft in drafts]
        interned = self._interning.begin()
        if interned.knows(rows):
            return
        async with self.connection() as connection:
            async with connection.transaction():
                await interned.learn(connection, rows)
            interned.committed()

    async def ready(self) -> None:
        """Returns when the database answers; raises Unavailable when it does not."""
        try:
            async with self._pool.connection(timeout=READY_SECONDS) as connection:
                overdue = asyncio.get_running_loop().call_later(READY_SECONDS, hang_up, connection)
                try:
                    await connection.execute("SELECT 1")
                finally:
                    overdue.cancel()
        except (psycopg.OperationalError, OSError) as error:
            self._check_all()
            raise Unavailable("The database does not answer.") from error

    async def _read(self, keys: Sequence[Key]) -> list[Version | None]:
        return resources.several(keys, await self.rows(resources.SEVERAL, resources.columns(keys)))

    async def _executed(
        self, statement: LiteralString, params: Sequence[object]
    ) -> psycopg.AsyncCursor[TupleRow]:
        """The cursor that ran the statement, all of whose rows are here; its connection is given back."""
        with translated():
            connection = await self._given()
            try:
                cursor = connection.cursor(binary=True)
                return await cursor.execute(statement, params)
            except psycopg.OperationalError:
                self._replace_lost(connection)
                raise
            finally:
                await self._give_back(connection)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        """A connection of the pool, for as long as it takes."""
        connection = await self._given()
        try:
            async with connection:
                yield connection
        finally:
            await self._give_back(connection)

    async def _given(self) -> PatientConnection:
        """A connection of the pool, to be given back; one that cannot be had in time is told as busy, or as away."""
        try:
            connection = await self._taken()
        except PoolTimeout as error:
            raise (busy() if self._in_use else unreachable()) from error
        self._in_use += 1
        return connection

    async def _give_back(self, connection: PatientConnection) -> None:
        self._in_use -= 1
        await self._pool.putconn(connection)

    async def _taken(self) -> PatientConnection:
        """A connection of the pool. Raises PoolTimeout when there is none for `ACQUIRE_SECONDS`.

        The pool only tries to connect for a while after it was asked, so that whoever waits must ask again: else those
        who wait for a database that was away are not served when it is back.
        """
        until = time.monotonic() + ACQUIRE_SECONDS
        while True:
            left = until - time.monotonic()
            try:
                return await self._pool.getconn(min(ASK_AGAIN_SECONDS, left))
            except PoolTimeout:
                if left <= ASK_AGAIN_SECONDS:
                    raise

    async def _note(self, digest: Digest) -> None:
        async with self.connection() as connection:
            await connection.execute(_NOTE, digest)

    async def _configure(self, connection: PatientConnection) -> None:
        connection.patience = self._statement_timeout_ms / 1000 + BEYOND_TIMEOUT
        register_arrays(connection)
        connection.prepare_threshold = 2
        await connection.execute(f"SET statement_timeout = {int(self._statement_timeout_ms)}")
        await connection.execute("SET timezone = 'UTC'")

    def _replace_lost(self, connection: Connection) -> None:
        if is_lost(connection):
            self._check_all()

    def _check_all(self) -> None:
        """When one connection was lost the others probably were: replaces them before a request meets them."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._pool.check())
