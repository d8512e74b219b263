"""A real PostgreSQL for the tests: one server, a migrated template, a clone for each test that asks.

`DATABASE_URL` names a server to use instead of the embedded one; its role must be allowed to create databases.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fhir_server.store import migrate
from fhir_server.store.database import Database
from fhir_server.store.embedded import Embedded
from tests import log_guard
from tests.log_guard import pytest_configure, pytest_sessionfinish  # noqa: F401 - pytest's hooks

_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a running PostgreSQL that this test process may create databases on."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="fhir-test-", dir="/var/tmp"))
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
    _execute(
        postgres_url,
        "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
        name,
    )
    migrate.upgrade(_of(postgres_url, name))
    yield name
    _execute(postgres_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """The address of an empty database of this test's own, with the schema of today."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(postgres_url, "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield _of(postgres_url, name)
    _execute(postgres_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The address of a database of this test's own, with nothing in it."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    _execute(postgres_url, "CREATE DATABASE {} TEMPLATE template0", name)
    yield _of(postgres_url, name)
    _execute(postgres_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open Database on a database of this test's own."""
    opened = Database(database_url, size=8)
    await opened.open()
    yield opened
    await opened.close()


def _execute(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _of(url: str, database: str) -> str:
    """`url` with another database name."""
    head, separator, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    authority = rest.partition("/")[0]
    return f"{scheme}://{authority}/{database}{separator}{query}"
