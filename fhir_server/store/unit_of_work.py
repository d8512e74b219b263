"""One transaction: what it locks, creates, updates and deletes becomes visible together or not at all.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import Conflict
from fhir_server.store import locks
from fhir_server.store.devices import assignments
from fhir_server.store.drafts import Draft
from fhir_server.store.insert import insert
from fhir_server.store.interning import Interned
from fhir_server.store.locks import Locked
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.replace import Replacement, replace
from fhir_server.store.rids import Rids
from fhir_server.store.rows import Key, Version
from fhir_server.store.subscriptions.apart import Apart


class UnitOfWork:
    """A transaction on one connection; `Database.transaction` opens and ends it.

    `written` is all that it has made, `apart` what the Subscriptions among these ask for, as they are now.
    """

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow], interned: Interned, rids: Rids) -> None:
        self.connection = connection
        self.interned = interned
        self.written: list[Version] = []
        self.apart: dict[Key, Apart] = {}
        self._rids = rids

    async def lock(self, type: str, id: str, access: Predicate = EVERYTHING) -> Locked | None:
        """The current version, locked, deleted or not; None when there never was one."""
        return (await self.lock_all({(type, id): access})).get((type, id))

    async def lock_all(self, wanted: Mapping[Key, Predicate]) -> dict[Key, Locked]:
        """Those of `wanted` that there ever were, locked in one order, so that two transactions cannot block each other."""
        return await locks.lock(self.connection, wanted)

    async def lock_queries(self, keys: set[int]) -> None:
        """Holds the locks `keys` (hashes of normalised queries) until the end, so that equal conditions wait for each other."""
        await locks.lock_queries(self.connection, keys)

    async def create(self, draft: Draft) -> Version:
        """Version 1 of a new resource; Conflict when its id was taken meanwhile."""
        (version,) = await self.create_all([draft])
        if version is None:
            raise Conflict(
                f"{draft.type}/{draft.id} was made by another request meanwhile. Send this one again."
            )
        return version

    async def create_all(self, drafts: Sequence[Draft], patients: Iterable[str] = ()) -> list[Version | None]:
        """Version 1 of each draft, in order, in one statement; None where the id is taken.

        None of them is made where one of the `patients` (ids) was deleted.
        """
        rids = await self._rids.take(self.connection, len(drafts))
        versions = await insert(self.connection, self.interned, rids, drafts, patients)
        self.written += [version for version in versions if version is not None]
        for draft, version in zip(drafts, versions, strict=True):
            if version is not None and draft.apart is not None:
                self.apart[draft.type, draft.id] = draft.apart
            if version is not None and draft.type == assignments.TYPE:
                await assignments.maintain(self.connection, draft.type, draft.id, draft.tree, draft.base_url)
        return versions

    async def update(self, draft: Draft, current: Locked) -> Version:
        """The next version of `current` with the content of `draft`; also brings a deleted resource back."""
        return (await self.replace_all([Replacement(current, draft)]))[0]

    async def delete(self, current: Locked) -> Version:
        """The version that says that `current` is deleted; its content stays in the history."""
        return (await self.replace_all([Replacement(current)]))[0]

    async def replace_all(self, replacements: Sequence[Replacement]) -> list[Version]:
        """The versions that follow those locked, in order, in one statement; no resource may be there twice."""
        versions = await replace(self.connection, self.interned, replacements)
        self.written += versions
        for one in replacements:
            if one.draft is not None and one.draft.apart is not None:
                self.apart[one.current.type, one.current.id] = one.draft.apart
            if one.current.type == assignments.TYPE:
                tree, base_url = (one.draft.tree, one.draft.base_url) if one.draft else (None, "")
                await assignments.maintain(self.connection, one.current.type, one.current.id, tree, base_url)
        return versions


class Transactions(Protocol):
    """Where transactions come from: the database, or one that holds them to a rule before they are committed."""

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """One transaction, committed on exit and rolled back by an exception; raises Conflict when it lost a race."""
        ...
