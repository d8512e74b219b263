"""Connections to a database that is slow, silent or away."""

import asyncio
import tempfile
import time
from asyncio import StreamReader, StreamWriter

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fhir_server.errors import TooCostly, Unavailable
from fhir_server.store import database as module
from fhir_server.store.database import Database

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
async def hasty(database_url: str, monkeypatch: pytest.MonkeyPatch):
    """A Database that waits a second for an answer."""
    monkeypatch.setattr(module, "BEYOND_TIMEOUT", 0.9)
    opened = Database(database_url, size=2, statement_timeout_ms=100)
    await opened.open()
    yield opened
    await opened.close()


async def test_a_statement_that_takes_too_long_is_too_costly(hasty: Database):
    with pytest.raises(TooCostly):
        async with hasty.connection() as connection:
            await connection.execute("SELECT pg_sleep(5)")


async def test_a_database_that_says_nothing_is_given_up_and_the_next_connection_works(hasty: Database):
    started = time.monotonic()
    with pytest.raises(Unavailable):
        async with hasty.connection() as connection:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute("SELECT pg_sleep(30)")
    assert time.monotonic() - started < 5

    async with hasty.connection() as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_a_transaction_may_take_longer_than_its_statements(hasty: Database):
    async with hasty.transaction() as work:
        for _ in range(2):
            await asyncio.sleep(0.7)
            await work.connection.execute("SELECT 1")


async def test_one_who_listens_may_wait_for_longer(hasty: Database):
    async with hasty.connection() as connection:
        await connection.execute("LISTEN news")
        assert [heard async for heard in connection.notifies(timeout=2)] == []
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_a_database_that_is_away_is_unavailable_not_busy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ACQUIRE_SECONDS", 0.5)
    away = Database(NOWHERE, size=2)
    await away.open()
    try:
        with pytest.raises(Unavailable):
            async with away.connection():
                pass
        with pytest.raises(Unavailable):
            await away.ready()
    finally:
        await away.close()


async def relay(database_url: str, folder: str, ended: asyncio.Event) -> asyncio.Server:
    """A socket in `folder` that leads to the database; `ended` is set when its one connection was closed."""
    there = conninfo_to_dict(database_url)
    host, port = str(there["host"]), there.get("port") or 5432

    async def pump(reader: StreamReader, writer: StreamWriter) -> None:
        while part := await reader.read(65_536):
            writer.write(part)
        writer.close()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        if host.startswith("/"):
            far_reader, far_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        await asyncio.gather(far_writer.wait_closed(), writer.wait_closed())
        ended.set()

    return await asyncio.start_unix_server(serve, f"{folder}/.s.PGSQL.{port}")


async def test_one_who_waits_alone_is_served_when_the_database_is_back(database_url: str):
    with tempfile.TemporaryDirectory() as folder:
        database = Database(make_conninfo(database_url, host=folder), size=1)
        await database.open()

        async def ask() -> float:
            started = time.monotonic()
            async with database.connection() as connection:
                await connection.execute("SELECT 1")
            return time.monotonic() - started

        asking = asyncio.create_task(ask())
        await asyncio.sleep(4)
        ended = asyncio.Event()
        server = await relay(database_url, folder, ended)
        assert await asking < 8
        await database.close()
        await ended.wait()
        server.close()


async def test_a_database_whose_connections_are_all_in_use_is_busy(
    monkeypatch: pytest.MonkeyPatch, database_url: str
):
    monkeypatch.setattr(module, "ACQUIRE_SECONDS", 0.5)
    small = Database(database_url, size=1)
    await small.open()
    try:
        async with small.connection():
            with pytest.raises(TooCostly):
                async with small.connection():
                    pass
    finally:
        await small.close()
