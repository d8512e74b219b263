"""Many resources into the database through the store's own way in, without HTTP.

https://www.postgresql.org/docs/current/populate.html
"""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice

import psycopg
from psycopg import sql

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from tests.benchmarks import records

BATCH = 1000
WRITERS = 2


async def fill(url: str, drafts: Iterator[Draft]) -> None:
    """Stores every draft, a thousand in a statement, while the next thousand are made."""
    database = Database(url, size=WRITERS, statement_timeout_ms=120_000)
    await database.open()

    async def writer() -> None:
        while batch := list(islice(drafts, BATCH)):
            await database.create_all(batch)

    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    await database.close()


async def fill_provenances(url: str) -> None:
    """A Provenance of each of the ten newest Observations of each of the ward's patients."""
    newest = """
    SELECT r.id FROM patient_key k CROSS JOIN LATERAL (
      SELECT id FROM resource WHERE type = %s AND patient = k.key ORDER BY date_lo DESC, rid LIMIT 10) r
     WHERE k.id LIKE 'p%%'"""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await (await connection.execute(newest, (RESOURCE_TYPES["Observation"],))).fetchall()
    await fill(url, records.provenances([id for (id,) in rows]))


def hold_autovacuum(url: str) -> None:
    """Returns when none runs; none begins after, so that nothing but the questions takes CPU, and ANALYZE makes a difference."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT t.relname FROM pg_stat_user_tables t JOIN pg_class c ON c.oid = t.relid WHERE c.relkind = 'r'"
        ).fetchall()  # not those of partitions, which have no rows of their own
        for (table,) in tables:
            off = sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)")
            connection.execute(off.format(sql.Identifier(table)))
        running = "SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
        while connection.execute(running).fetchone() is not None:
            time.sleep(0.5)


def observations(url: str) -> int:
    """How many Observations there are."""
    with psycopg.connect(url) as connection:
        counted = "SELECT count(*) FROM resource WHERE type = %s AND NOT deleted"
        (count,) = connection.execute(counted, (RESOURCE_TYPES["Observation"],)).fetchone() or (0,)
        return int(count)
