"""The database a command works on: the one at DATABASE_URL, or the embedded one, attached to or run for a moment.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fhir_server.cli.configuration import data_dir
from fhir_server.cli.recorded import recorded
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from fhir_server.keys import MasterKey
    from fhir_server.settings import Settings
    from fhir_server.store.database import Database
    from mappers.profiles import DeviceProfiles

Result = TypeVar("Result")

_STATEMENT_TIMEOUT_MS = 600_000


@dataclass(frozen=True, slots=True)
class Workplace:
    """An open database with this version's schema, the key of its secrets, and the settings."""

    database: "Database"
    key: "MasterKey"
    settings: "Settings"

    @property
    def profiles(self) -> "DeviceProfiles":
        """The device types, read anew. Raises OperatorError for an unsound one."""
        from fhir_server.interactions.device_types import device_types

        return device_types(self.settings.profiles_dir)


@contextmanager
def any_database(configured: "Settings") -> Iterator[str]:
    """The URL of the database, whatever its schema; an embedded one that nobody runs is stopped again at the end."""
    from fhir_server import logs

    logs.configure("warning", configured.log_file)
    if configured.database_url is not None:
        yield configured.database_url.get_secret_value()
        return
    from fhir_server.store.embedded import connect_or_start

    with connect_or_start(data_dir(configured)) as url:
        yield url


def with_database(configured: "Settings", work: Callable[[Workplace], Awaitable[Result]]) -> Result:
    """What `work` returns, done in a database with this version's schema.

    An embedded one is migrated when need be; raises OperatorError for one at DATABASE_URL, which is not changed unasked.
    """
    with any_database(configured) as url:
        _bring_forward(url, embedded=configured.database_url is None)
        return asyncio.run(_done(url, configured, work))


def _bring_forward(url: str, *, embedded: bool) -> None:
    from fhir_server.store import migrate

    found, needed = migrate.revision(url), migrate.HEAD
    if found == needed:
        return
    if not embedded:
        raise OperatorError(
            f"The database at DATABASE_URL has schema {found or 'none'} and this version needs {needed}. "
            "Run: fhir-server migrate"
        )
    migrate.upgrade(url)


async def _done(url: str, configured: "Settings", work: Callable[[Workplace], Awaitable[Result]]) -> Result:
    from fhir_server.keys import master_key
    from fhir_server.store.blobs.catalog import blobs
    from fhir_server.store.database import Database

    key = master_key(configured.master_key, data_dir(configured), configured.master_key_previous)
    database = Database(url, size=4, statement_timeout_ms=_STATEMENT_TIMEOUT_MS, blobs=blobs(configured))
    await database.open()
    try:
        async with recorded(database, wanted=configured.audit == "on"):
            return await work(Workplace(database, key, configured))
    finally:
        await database.close()
