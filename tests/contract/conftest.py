"""The whole application, in process, on a database of the test's own."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from fhir_server.app import create_app
from fhir_server.settings import Settings


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
        httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as opened,
    ):
        yield opened
