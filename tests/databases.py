"""Databases that tests make and remove on the PostgreSQL they share.

https://www.postgresql.org/docs/current/sql-dropdatabase.html
"""

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from fhir_server import clock
from fhir_server.store.audit.partitions import make, month

_MEMORY = Path("/dev/shm")
FOLDER = _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2**31 else Path("/var/tmp")
"""Where the tests' PostgreSQL keeps its files: in memory where there is room."""

_PATIENCE_SECONDS = 30


@contextmanager
def database(url: str, prefix: str, template: str = "template0") -> Iterator[str]:
    """The address of a database of one's own on the server at `url`, a clone of `template`; it ends with the block."""
    name = f"{prefix}_{uuid.uuid4().hex[:12]}"
    create(url, name, template)
    yield address(url, name)
    drop(url, name)


def create(url: str, name: str, template: str = "template0", options: str = "") -> None:
    """A new database; `options` are of CREATE DATABASE.

    Its files are copied, ten times as fast as PostgreSQL's default of writing them all to the log.
    """
    _execute(url, f"CREATE DATABASE {{}} TEMPLATE {{}} STRATEGY file_copy {options}", name, template)


def ready_for_audit(url: str) -> None:
    """Nothing; the audit's partitions of these months are there, which servers on clones would make one by one."""
    first = month(clock.now())
    with psycopg.connect(url) as connection:
        for number in range(3):
            connection.execute(make(first.plus(number)))


def drop(url: str, name: str) -> None:
    """Nothing is left of the database; a vacuum of the server's own that is at work in it is waited for."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return _execute(url, "DROP DATABASE {} WITH (FORCE)", name)
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def address(url: str, name: str) -> str:
    """`url` with another database's name."""
    head, separator, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    authority = rest.partition("/")[0]
    return f"{scheme}://{authority}/{name}{separator}{query}"


def _execute(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
