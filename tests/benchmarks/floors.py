"""The floors: the same work by psycopg alone, on the same database, from as many connections.

https://www.psycopg.org/psycopg3/docs/basic/copy.html
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import psycopg

from tests.benchmarks.driver import CONNECTIONS, Load

_CLONE = """
DROP TABLE IF EXISTS floor_resource, floor_change_log;
CREATE TABLE floor_resource (LIKE resource INCLUDING ALL);
CREATE TABLE floor_change_log (LIKE change_log INCLUDING ALL)"""

_RESOURCE = (
    "rid, type, id, version, method, last_updated, patient, code_set, date_lo, date_hi, value_lo, value_hi, value_unit, "
    "tokens, fingerprint, deleted, body"
)
_CHANGE = "type, rid, version, last_updated"

_SEARCH = """
SELECT r.id, r.body::text FROM (SELECT DISTINCT code_set FROM code_set_coding WHERE code = %s AND system = %s) c
 CROSS JOIN LATERAL (
   SELECT r.id, r.body, r.date_lo, r.rid FROM resource r
    WHERE r.type = %s AND r.patient = (SELECT key FROM patient_key WHERE id = %s) AND r.code_set = c.code_set
      AND r.date_lo >= %s
    ORDER BY r.date_lo DESC, r.rid LIMIT 51) r
 ORDER BY r.date_lo DESC, r.rid LIMIT 51"""


async def select(url: str, type: int, ids: list[str], count: int) -> Load:
    """One row's body by its key."""

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        sql = "SELECT version, last_updated, method, body::text FROM resource WHERE type = %s AND id = %s"
        await (await connection.execute(sql, (type, ids[n * 7919 % len(ids)]))).fetchone()

    return await _many(url, one, count)


async def search(url: str, type: int, since: object, patients: int, count: int) -> Load:
    """The newest fifty of a patient and a code since a date, in one statement."""

    async def one(connection: psycopg.AsyncConnection, n: int) -> None:
        params = ("59408-5", "http://loinc.org", type, f"p{n % patients}", since)
        await (await connection.execute(_SEARCH, params, prepare=False)).fetchall()

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
