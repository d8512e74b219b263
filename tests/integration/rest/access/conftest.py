"""One server for all tests of a file, whose callers are whoever a test says."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
import pytest_asyncio

from fhir_server.app import create_app
from fhir_server.store.database import Database
from tests.integration.rest.access.world import Known, Server, family, shared
from tests.integration.rest.conftest import settings


@pytest.fixture(scope="module")
def module_database_url(cloned: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A database of one file of tests."""
    with cloned() as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(module_database_url: str) -> AsyncIterator[Server]:
    """A running server with both families in it."""
    known = Known()
    app = create_app(settings(module_database_url), known)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    database = Database(module_database_url, size=2)
    await database.open()
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
        running = Server(client, database, known)
        await running.store(*family("a", "b"), *family("b", "a"), *shared())
        yield running
    await database.close()
