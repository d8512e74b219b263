"""The whole application, in process, on a database of the test's own."""

import base64
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql
from pydantic import SecretStr

from fhir_server.app import create_app
from fhir_server.settings import Settings


@pytest.fixture(scope="session")
def cloned(postgres_url: str, template: str) -> Callable[[], AbstractContextManager[str]]:
    """The address of a new database, for fixtures that many tests share."""

    @contextmanager
    def clone() -> Iterator[str]:
        name = f"contract_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        address, question, query = postgres_url.partition("?")
        yield address[: address.index("/", address.index("://") + 3) + 1] + name + question + query
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    return clone


@pytest.fixture
def app(database_url: str) -> FastAPI:
    return create_app(
        Settings(
            _env_file=None,
            database_url=SecretStr(database_url),
            master_key=SecretStr(base64.b64encode(b"k" * 32).decode()),
            auth="off",
        )
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server.example") as opened,
    ):
        yield opened
