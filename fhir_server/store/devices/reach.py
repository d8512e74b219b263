"""Connections for what ingest needs kept, with failures in ingest's own words.

docs/ingest.md, "Answers"
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fhir_server.errors import Conflict, TooCostly, Unavailable
from fhir_server.store.database import Connection, Database
from ingest import errors


@asynccontextmanager
async def reach(database: Database) -> AsyncIterator[Connection]:
    """A connection in autocommit; raises `ingest.errors.Unavailable` when the database is away or too busy."""
    try:
        async with database.connection() as connection:
            yield connection
    except (Unavailable, Conflict, TooCostly) as error:
        raise errors.Unavailable from error
