"""The floors: the same work by psycopg alone, on the same database, from as many connections.

https://www.psycopg.org/psycopg3/docs/basic/copy.html
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import psycopg

from tests.benchmarks.driver import CONNECTIONS, Load
from tests.benchmarks.queries import Floor

_CLONE = """
DROP TABLE IF EXISTS floor_resource, floor_change_log;
CREATE TABLE floor_resource (LIKE resource INCLUDING ALL);
CREATE TABLE floor_change_log (LIKE change_log INCLUDING ALL)"""

_RESOURCE = (
    "rid, type, id, version, method, last_updated, patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit, "
    "tokens, fingerprint, deleted, body"
)
_CHANGE = "type, rid, version, last_updated"

_HISTORY = """
SELECT version, method, last_updated, body::text FROM resource WHERE type = %s AND id = %s
UNION ALL SELECT h.version, h.method, h.last_updated, h.body::text
  FROM resource_history h JOIN resource r USING (rid) WHERE r.type = %s AND r.id = %s
 ORDER BY version DESC"""


async def select(url: str, type: int, ids: list[str], count: int) -> Load:
    """One row's body by its key."""

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        sql = "SELECT version, last_updated, method, body::text FROM resource WHERE type = %s AND id = %s"
        await (await connection.execute(sql, (type, ids[n * 7919 % len(ids)]))).fetchone()

    return await _many(url, one, count)


async def answer(url: str, floor: Floor, count: int) -> Load:
    """A question's rows by its own SQL, planned anew each time as an ad-hoc statement is."""

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        first, *then = floor.statements
        rows = await (await connection.execute(first, floor.params(n), prepare=False)).fetchall()
        for statement in then:
            await (await connection.execute(statement, floor.follow(rows), prepare=False)).fetchall()

    return await _many(url, one, count)


async def history(url: str, type: int, of: int, count: int) -> Load:
    """Every version of one row."""

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        id = f"history-{n % of}"
        await (await connection.execute(_HISTORY, (type, id, type, id))).fetchall()

    return await _many(url, one, count)


async def insert(url: str, count: int) -> Load:
    """A row and its change a commit, the rows being those that were created."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_CLONE)
        sql = f"SELECT {_RESOURCE.replace('body', 'body::text')} FROM resource ORDER BY rid DESC LIMIT %s"
        rows = await (await connection.execute(sql, (count,))).fetchall()
    places = ", ".join(["%s"] * 17)
    statement = (
        f"WITH made AS (INSERT INTO floor_resource ({_RESOURCE}) VALUES ({places}) RETURNING {_CHANGE}) "
        f"INSERT INTO floor_change_log ({_CHANGE}) SELECT {_CHANGE} FROM made"
    )

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        await connection.execute(statement, rows[n])

    return await _many(url, one, len(rows))


async def bundle(url: str, count: int, size: int) -> Load:
    """`size` rows and their changes copied in one transaction, the rows being those that were created."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CLONE)
        newest = f"(SELECT rid FROM resource WHERE NOT deleted ORDER BY rid DESC LIMIT {count * size})"
        rows = _lines(connection, f"SELECT {_RESOURCE} FROM resource WHERE rid IN {newest} ORDER BY rid")
        logged = f"SELECT {_CHANGE} FROM change_log WHERE version = 1 AND rid IN {newest} ORDER BY rid"
        changes = _lines(connection, logged)

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        part = slice(n * size, (n + 1) * size)
        async with connection.transaction(), connection.cursor() as cursor:
            for table, columns, lines in (
                ("floor_resource", _RESOURCE, rows),
                ("floor_change_log", _CHANGE, changes),
            ):
                async with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as into:
                    await into.write(b"".join(lines[part]))

    return await _many(url, one, len(rows) // size)


def copy(url: str, rows: int) -> float:
    """Rows per second of COPY into the same two tables with the same indexes, which hold as many already."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CLONE)
        half = f"type = 96 ORDER BY rid LIMIT {rows} OFFSET"
        connection.execute(f"INSERT INTO floor_resource SELECT * FROM resource WHERE {half} 0")
        where = f"(SELECT rid FROM resource WHERE {half} {rows})"
        body = _dump(connection, f"SELECT {_RESOURCE} FROM resource WHERE rid IN {where}")
        changes = _dump(connection, f"SELECT {_CHANGE} FROM change_log WHERE rid IN {where}")
        count = connection.execute(f"SELECT count(*) FROM {where} AS x").fetchone()[0]
        started = time.perf_counter()
        for table, columns, data in (
            ("floor_resource", _RESOURCE, body),
            ("floor_change_log", _CHANGE, changes),
        ):
            with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as into:
                for block in data:
                    into.write(block)
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE floor_resource, floor_change_log")
        return count / seconds


def _lines(connection: psycopg.Connection, query: str) -> list[bytes]:
    return b"".join(_dump(connection, query)).splitlines(keepends=True)


def _dump(connection: psycopg.Connection, query: str) -> Iterable[bytes]:
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT") as out:
        return [bytes(block) for block in out]


async def _many(url: str, one: Callable[[psycopg.AsyncConnection, int], Awaitable[None]], count: int) -> Load:
    load, numbers = Load(), iter(range(count))

    async def connection() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connected:
            for n in numbers:
                begun = time.perf_counter()
                await one(connected, n)
                load.latencies.append(time.perf_counter() - begun)

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    load.seconds = time.perf_counter() - started
    return load
