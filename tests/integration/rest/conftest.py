"""The whole application on a database of the test's own, spoken to in process."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.middleware import Middleware

from fhir_server.app import create_app
from fhir_server.settings import Settings

TOKEN = "t" * 40


def settings(database_url: str, **changes: Any) -> Settings:
    """The settings of a test's server."""
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        master_key=SecretStr(base64.b64encode(b"k" * 32).decode()),
        token=SecretStr(TOKEN),
        **changes,
    )


@pytest.fixture(scope="session")
def shared_database_url(cloned: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A database for all tests that do not mind what others left in it."""
    with cloned() as url:
        yield url


@pytest.fixture(scope="module")
async def shared_app(shared_database_url: str) -> AsyncIterator[FastAPI]:
    """An application that runs for all tests of a module that do not mind what others left in its database."""
    app = create_app(settings(shared_database_url))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def shared_client(shared_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the shared application that sends the token."""
    async with connected(shared_app) as opened:
        yield opened


@pytest.fixture
def serving(database_url: str) -> Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]:
    """A running application under changed settings, as a client of it that sends the token."""

    @asynccontextmanager
    async def running(*middleware: Any, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(settings(changes.pop("database_url", database_url), **changes))
        for cls in middleware:
            app.user_middleware.append(Middleware(cls))
        async with app.router.lifespan_context(app), connected(app) as opened:
            yield opened

    return running


@pytest.fixture
def app(database_url: str) -> FastAPI:
    return create_app(settings(database_url))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends the token."""
    async with app.router.lifespan_context(app), connected(app) as opened:
        yield opened


def connected(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    """A client of `app` that sends the token."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://server.example",
        headers={"Authorization": f"Bearer {TOKEN}", **headers},
    )


@pytest.fixture
def patient() -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Chalmers"}], "active": True}


@pytest.fixture
def fhir() -> Callable[[Any], dict[str, Any]]:
    """A resource as the keyword arguments of a request."""
    return lambda tree: {"content": json.dumps(tree), "headers": {"Content-Type": "application/fhir+json"}}
