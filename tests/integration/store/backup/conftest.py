"""Empty databases to back up and restore into, on the embedded PostgreSQL 18 and on Debian's 15."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from fhir_server.store.embedded import Embedded
from tests import databases

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
SERVERS = ["embedded", *(["debian"] if (DEBIAN_15 / "postgres").exists() else [])]
NOBODY = 65534

NewDatabase = Callable[[], str]


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="fhir-test-", dir=databases.FOLDER))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    path = Path(tempfile.mkdtemp(prefix="fhir-test-", dir=databases.FOLDER))
    with Embedded(path / "data", settings={"shared_buffers": "16MB", "fsync": "off"}) as running:
        yield running.url
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def debian() -> Iterator[str]:
    path = Path(tempfile.mkdtemp(prefix="fhir-test-", dir=databases.FOLDER))
    user = NOBODY if os.geteuid() == 0 else None
    if user is not None:
        os.chown(path, user, user)
    making = [
        DEBIAN_15 / "initdb",
        "-D",
        path / "pg",
        "-U",
        "fhir",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    ]
    subprocess.run(making, user=user, group=user, check=True, stdout=subprocess.DEVNULL, cwd="/")
    running = [
        DEBIAN_15 / "postgres",
        "-D",
        path / "pg",
        "-k",
        path,
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
    ]
    server = subprocess.Popen(running, user=user, group=user, stderr=subprocess.DEVNULL, cwd="/")
    url = f"postgresql://fhir@/postgres?host={quote(str(path), safe='')}"
    try:
        limit = time.monotonic() + 20
        while not answers(url) and time.monotonic() < limit:
            time.sleep(0.05)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(path)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def new_databases(url: str) -> Iterator[NewDatabase]:
    made: list[str] = []

    def make() -> str:
        name = f"copy_{secrets.token_hex(4)}"
        databases.create(url, name)
        made.append(name)
        return databases.address(url, name)

    yield make
    for name in made:
        databases.drop(url, name)


@pytest.fixture(params=SERVERS)
def new_database(request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    """Makes an empty database on one server after the other."""
    yield from new_databases(request.getfixturevalue(request.param))


@pytest.fixture
def on_embedded(embedded: str) -> Iterator[NewDatabase]:
    yield from new_databases(embedded)


@pytest.fixture
def on_oldest(request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    """The oldest server at hand."""
    yield from new_databases(request.getfixturevalue(SERVERS[-1]))


def execute(url: str, *statements: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
