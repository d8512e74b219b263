"""Connections for what ingest needs kept, with failures in ingest's own words.

docs/ingest.md, "Answers"
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from fhir_server.errors import Conflict, InsufficientStorage, TooCostly, Unavailable
from fhir_server.store.database import Connection, Database
from ingest import errors


@asynccontextmanager
async def reach(database: Database) -> AsyncIterator[Connection]:
    """A connection in autocommit; raises `ingest.errors.Unavailable` when the database is away, too busy or full."""
    with reached():
        async with database.connection() as connection:
            yield connection


@contextmanager
def reached() -> Iterator[None]:
    """Raises `ingest.errors.Unavailable` for what the store raises when the database is away, too busy or full."""
    try:
        yield
    except InsufficientStorage as error:
        raise errors.NoSpace from error
    except (Unavailable, Conflict, TooCostly) as error:
        raise errors.Unavailable from error
