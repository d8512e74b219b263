"""Whether requests can be served: the database answers, and has the schema of this version.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg

from fhir_server.errors import OperatorError, Unavailable
from fhir_server.store import migrate
from fhir_server.store.database import Database


def readiness(database: Database, url: str) -> Callable[[], Awaitable[None]]:
    """A check of the database and, until it once held, of its schema; it raises Unavailable."""
    at_head = False

    async def ready() -> None:
        nonlocal at_head
        await database.ready()
        if not at_head:
            try:
                at_head = await asyncio.to_thread(migrate.revision, url) == migrate.HEAD
            except (psycopg.Error, OperatorError) as error:
                raise Unavailable("The schema of the database cannot be read now.") from error
        if not at_head:
            raise Unavailable("The database has another schema. Run `fhir-server migrate`.")

    return ready
