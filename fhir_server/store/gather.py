"""Creates, gathered: those that arrive while a transaction runs share the next one.

docs/adr/0001-storage-layout.md: a commit for each row is what limits a server, not the rows.
"""

from collections.abc import Sequence
from typing import TypeAlias

import psycopg
from psycopg.errors import QueryCanceled

from fhir_server.audit.record import Record
from fhir_server.errors import Conflict, TooCostly, Unavailable
from fhir_server.store.audit.rows import inserted, unkept
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.gathering import Gathering
from fhir_server.store.rows import Version

_Create: TypeAlias = tuple[Draft, Record | None]


class Gather:
    """Creates resources whose ids the server made, gathered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._creates: Gathering[_Create, Version | None] = Gathering(self._commit)

    async def create(self, draft: Draft, record: Record | None = None) -> Version:
        """Version 1 of `draft`, committed with its `record`; raises what made this draft fail, or Unavailable."""
        version = await self._creates.add((draft, record))
        if version is None:
            raise Conflict(f"{draft.type}/{draft.id} was made by another request. Send this one again.")
        return version

    async def _commit(self, creates: Sequence[_Create]) -> Sequence[Version | None]:
        records = [record for _, record in creates if record]
        drafts = [draft for draft, _ in creates]
        try:
            return await self._database.create_all(drafts, inserted(records) if records else None)
        except TooCostly as error:
            if isinstance(error.__cause__, QueryCanceled):  # no one of them asked for much
                raise _slow() from error
            raise
        except psycopg.Error as error:
            if records and not await self._would_be_kept(records):
                raise unkept() from error
            raise

    async def _would_be_kept(self, records: Sequence[Record]) -> bool:
        """Whether the records are not what failed: they are kept by themselves, and that is undone."""
        statement = inserted(records)
        try:
            async with self._database.connection() as connection, connection.transaction(force_rollback=True):
                await connection.execute(statement.sql, statement.params)
        except psycopg.Error:
            return False
        return True


def _slow() -> Unavailable:
    return Unavailable("The database took too long, and nothing was stored. Send the request again later.")
