"""Records sealed: those that became visible since the last time, hashed and chained, while others go on writing.

docs/adr/0019-audit.md; https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT

Which records are new is told by snapshots, not by their order: one whose transaction takes long is sealed when it has
ended, and one whose transaction was rolled back leaves no gap.
"""

import asyncio
from typing import Final

import psycopg
import structlog
from psycopg.rows import TupleRow

from fhir_server import clock
from fhir_server.errors import RequestError
from fhir_server.store.audit import chain
from fhir_server.store.audit.chain import HASH, SIZE, START, Seal
from fhir_server.store.audit.partitions import Month, ensure, month
from fhir_server.store.database import Database

SEAL_SECONDS: Final = 10.0
MOST_TOGETHER: Final = 10_000

_POSITION: Final = "SELECT snapshot FROM audit_sealing FOR UPDATE SKIP LOCKED"
_POSITION_AWAITED: Final = "SELECT snapshot FROM audit_sealing FOR UPDATE"
_NOW: Final = "SELECT pg_current_snapshot()::text"
_LAST: Final = "SELECT number, digest FROM audit_seal ORDER BY number DESC LIMIT 1"
# a cursor of SQL and no object of psycopg's: a process that ends while it seals has nothing to close
_MACS: Final = "SELECT number, digest, mac FROM audit_seal ORDER BY number"
_NEW: Final = f"""
DECLARE audit_new NO SCROLL CURSOR FOR
SELECT id, {HASH} FROM audit
 WHERE xid >= pg_snapshot_xmin(%(since)s::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, %(since)s::pg_snapshot)
   AND pg_visible_in_snapshot(xid, %(now)s::pg_snapshot)
 ORDER BY id"""
_NEXT: Final = f"FETCH {MOST_TOGETHER} FROM audit_new"
_KEEP: Final = """
INSERT INTO audit_seal (number, sealed_at, ids, hashes, first, last, dropped_below, digest, mac)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_MOVE: Final = "UPDATE audit_sealing SET snapshot = %s"

Connection = psycopg.AsyncConnection[TupleRow]


async def seal(database: Database, key: bytes) -> list[Seal]:
    """The new seals over all that was committed and not sealed; none when there is nothing, or another process is at it."""
    async with database.connection() as connection, connection.transaction():
        position = await (await connection.execute(_POSITION)).fetchone()
        if position is None:
            return []
        now = await (await connection.execute(_NOW)).fetchone()
        assert now is not None, "there is always a snapshot"
        seals = await _sealed(connection, key, position[0], now[0])
        if seals:
            await connection.execute(_MOVE, now)
        return seals


async def vouch(database: Database, key: bytes, previous: bytes) -> list[int]:
    """Nothing, once the chain ends with a seal that vouches under `key` for those before it; else the numbers of bad seals.

    Good are those under `key` or `previous`, and all that an earlier one vouches for under these.
    """
    async with database.connection() as connection, connection.transaction():
        await connection.execute(_POSITION_AWAITED)
        doubtful: list[int] = []
        number, before, code = 0, START, b""
        async for number, before, code in connection.cursor().stream(_MACS):
            if chain.vouches(key, before, code) or chain.vouches(previous, before, code):
                doubtful.clear()
            elif not chain.is_of(key, before, code) and not chain.is_of(previous, before, code):
                doubtful.append(number)
        if number and not doubtful and not chain.vouches(key, before, code):
            at = clock.now()
            digest = chain.seal_digest(before, number + 1, at, (), b"", None)
            code = chain.vouching_mac(key, digest)
            await connection.execute(_KEEP, (number + 1, at, [], b"", None, None, None, digest, code))
        return doubtful


async def append(connection: Connection, key: bytes, seal: Seal) -> None:
    """Nothing; the seal stands at the end of the chain."""
    first, last = (seal.ids[0], seal.ids[-1]) if seal.ids else (None, None)
    row = (seal.number, seal.sealed_at, list(seal.ids), seal.hashes, first, last)
    await connection.execute(_KEEP, (*row, seal.dropped_below, seal.digest, chain.mac(key, seal.digest)))


async def end_of_chain(connection: Connection) -> tuple[int, bytes]:
    """The number and digest of the last seal."""
    row = await (await connection.execute(_LAST)).fetchone()
    return (0, START) if row is None else (row[0], row[1])


async def _sealed(connection: Connection, key: bytes, since: str, now: str) -> list[Seal]:
    number, before = await end_of_chain(connection)
    made: list[Seal] = []
    await connection.execute(_NEW, {"since": since, "now": now})
    while rows := await (await connection.execute(_NEXT)).fetchall():
        hashes = b"".join(found for _, found in rows)
        assert len(hashes) == SIZE * len(rows), "each has one"
        number += 1
        one = chain.seal(key, before, number, clock.now(), [id for id, _ in rows], hashes)
        made.append(one)
        before = one.digest
    await connection.execute("CLOSE audit_new")
    for one in made:
        await append(connection, key, one)
    return made


class Sealer:
    """Seals from time to time until `run` is cancelled, and makes the partitions of the months to come."""

    def __init__(self, database: Database, key: bytes, seconds: float = SEAL_SECONDS) -> None:
        self._database = database
        self._key = key
        self._seconds = seconds
        self._made_for: Month | None = None
        self._hindered = False
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Never returns; a database that is away is asked again."""
        while True:
            try:
                await self._make_ahead()
                await seal(self._database, self._key)
                self._hindered = False
            except (RequestError, psycopg.Error) as error:
                if not self._hindered:  # said once, and again when it happens anew
                    self._log.warning("audit waits to be sealed", reason=type(error).__name__)
                self._hindered = True
            await asyncio.sleep(self._seconds)

    async def _make_ahead(self) -> None:
        """Nothing; the next months have their partitions, looked for once in each."""
        this = month(clock.now())
        if this != self._made_for:
            async with self._database.connection() as connection:
                await ensure(connection, this)
            self._made_for = this
