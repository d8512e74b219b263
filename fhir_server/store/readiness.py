"""Whether requests can be served: the database answers, and has the schema of this version.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from collections.abc import Awaitable, Callable

from fhir_server.errors import Unavailable
from fhir_server.store import migrate
from fhir_server.store.database import Database


def readiness(database: Database) -> Callable[[], Awaitable[None]]:
    """A check of the database and, until it once held, of its schema; it raises Unavailable."""
    at_head = False

    async def ready() -> None:
        nonlocal at_head
        await database.ready()
        if not at_head:
            at_head = await _revision(database) == migrate.HEAD
        if not at_head:
            raise Unavailable("The database has another schema. Run `fhir-server migrate`.")

    return ready


async def _revision(database: Database) -> str | None:
    """The schema revision, by a connection of the pool: where there are few, no other is to be had."""
    is_there = await database.row("SELECT to_regclass('alembic_version') IS NOT NULL", ())
    found = await database.row("SELECT version_num FROM alembic_version", ()) if is_there == (True,) else None
    return str(found[0]) if found else None
