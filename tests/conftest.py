"""A real PostgreSQL for the tests: one server, a migrated template, a clone for each test that asks.

`DATABASE_URL` names a server to use instead of the embedded one; its role must be allowed to create databases.
"""

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from fhir_server.store import migrate
from fhir_server.store.database import Database
from fhir_server.store.embedded import Embedded
from tests import databases, log_guard
from tests.log_guard import pytest_configure, pytest_sessionfinish  # noqa: F401 - pytest's hooks

_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
}


def pytest_collection_finish() -> None:
    """Nothing; what was made to collect the tests stays to the end, and the garbage collector looks at it no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a running PostgreSQL that this test process may create databases on."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="fhir-test-", dir=databases.FOLDER))
    folder.chmod(0o755)
    server = Embedded(folder / "data", settings=_FAST)
    try:
        yield server.start()
    finally:
        server.stop()
        log_guard.keep(folder, folder.name)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres_url: str) -> Iterator[str]:
    """The name of a database with the schema of today and no rows."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    databases.create(postgres_url, name, options="ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    migrate.upgrade(databases.address(postgres_url, name))
    databases.ready_for_audit(databases.address(postgres_url, name))
    yield name
    databases.drop(postgres_url, name)


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """The address of an empty database of this test's own, with the schema of today."""
    with databases.database(postgres_url, "test", template) as url:
        yield url


@pytest.fixture(scope="session")
def cloned(postgres_url: str, template: str) -> Callable[[], AbstractContextManager[str]]:
    """The address of a new database with the schema of today, for fixtures that many tests share."""
    return partial(databases.database, postgres_url, "shared", template)


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The address of a database of this test's own, with nothing in it."""
    with databases.database(postgres_url, "empty") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open Database on a database of this test's own."""
    opened = Database(database_url, size=8)
    await opened.open()
    yield opened
    await opened.close()
