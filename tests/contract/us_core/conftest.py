"""A server that holds what US Core searches are asked about."""

import base64
import uuid

import httpx
import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from pydantic import SecretStr

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.contract.us_core import resources

TOKEN = "t" * 40


@pytest.fixture(scope="session")
def us_core_database_url(postgres_url, template):
    name = f"us_core_{uuid.uuid4().hex[:12]}"
    create, drop = "CREATE DATABASE {} TEMPLATE {}", "DROP DATABASE {} WITH (FORCE)"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(template)))
    address, question, query = postgres_url.partition("?")
    yield address[: address.index("/", address.index("://") + 3) + 1] + name + question + query
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL(drop).format(sql.Identifier(name)))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def us_core(us_core_database_url):
    """A server that holds the resources, and asks for a token."""
    app = create_app(
        Settings(
            _env_file=None,
            database_url=SecretStr(us_core_database_url),
            master_key=SecretStr(base64.b64encode(b"k" * 32).decode()),
            token=SecretStr(TOKEN),
        )
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server.example", headers=headers) as client,
    ):
        for resource in (*resources.made(), *resources.referred(), *resources.real()):
            address = f"/fhir/{resource['resourceType']}/{resource['id']}"
            answer = await client.put(address, json=resource)
            assert answer.status_code == 201, (address, answer.text)
        yield client
