"""Transactions that are committed only when what they wrote is the caller's to write, as it is now.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html; docs/adr/0017-access.md

What was there before is judged where it is locked. What it has become is judged here, by the same condition in SQL: so
nothing is moved out of a caller's reach, or into it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPE_NAMES
from fhir_server.errors import Forbidden, Issue
from fhir_server.json import stored
from fhir_server.search.access import (
    by_itself,
    by_other_documents,
    opens_by_naming,
    predicate,
    refuse_ids_of_ingest,
    without_teams,
)
from fhir_server.search.index import ATTACHMENTS
from fhir_server.search.params.sql import any_of, conjunction
from fhir_server.search.record_rows import BINARY, files
from fhir_server.store.images import outside, replaced
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.rows import Key
from fhir_server.store.unit_of_work import Transactions, UnitOfWork
from fhir_server.subscriptions.registrar import Registrar
from smart_auth.principal import CareOf, Principal

TEAM: Final = "CareTeam"


class Outside(Forbidden):
    """Resources that would not be the caller's to write as they have become, each named by its issue."""

    def __init__(self, resources: Iterable[Key]) -> None:
        self.resources = tuple(resources)
        issues = tuple(Issue(self.code, _why(type), type) for type, _ in self.resources)
        super().__init__(issues[0].diagnostics, issues=issues)


@dataclass(frozen=True, slots=True)
class Permitted:
    """Transactions of `principal`'s; Subscriptions that they write are taken on by `registrar`."""

    transactions: Transactions
    principal: Principal
    registrar: Registrar

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """One transaction, checked before it is committed.

        Raises Outside for what is not the caller's to write, Forbidden for what only ingest writes, and for a reference
        that would show the caller what they may not see; NotRunnable or NotToBeTold for a Subscription that is not taken on.
        """
        async with self.transactions.transaction() as work:
            yield work
            for one in work.written:
                refuse_ids_of_ingest(self.principal, one.id)
            await self.registrar.take_on(work, self.principal)
            made = _made(work)
            await self._check_images(work, made)
            if any(opens_by_naming(self.principal, *one) for one in made):
                await self._check_names(work)
                await self._check_files(work)

    async def _check_images(self, work: UnitOfWork, made: dict[tuple[str, str], list[Key]]) -> None:
        found = list[Key]()
        for (type, interaction), keys in made.items():
            access = predicate(self.principal, type, interaction)
            if type == TEAM and isinstance(self.principal.reach, CareOf):
                access = conjunction([access, without_teams(self.principal, [id for _, id in keys])])
            if access != EVERYTHING:
                found += await outside(work.connection, keys, access)
        if found:
            raise Outside(found)

    async def _check_names(self, work: UnitOfWork) -> None:
        """What a record names is shown to those who see the record: a caller must not open it to themselves so."""
        named = defaultdict[str, set[Key]](set)
        for one in work.interned.newly_mentioned:
            type = RESOURCE_TYPE_NAMES[one.type]
            named[type].add((type, one.id))
        for type, keys in named.items():
            for key in await outside(work.connection, keys, by_itself(self.principal, type)):
                raise _unnameable(key)

    async def _check_files(self, work: UnitOfWork) -> None:
        """A content is shown with the documents that name it as they are: no name brings back what was taken out.

        What the version before named may stay, and what another document of the caller's names or is theirs by itself
        may be named here too.
        """
        written = {(one.type, one.id): one for one in work.written if one.type in ATTACHMENTS}
        named = set[Key]()
        for (type, id), one in written.items():
            if one.body is not None:
                before = await replaced(work.connection, type, id)
                named |= files(type, stored(one.body)) - (files(type, stored(before)) if before else set())
        if named:
            shown = any_of([by_itself(self.principal, BINARY), by_other_documents(self.principal, written)])
            for key in await outside(work.connection, named, shown):
                raise _unnameable(key)


def _made(work: UnitOfWork) -> dict[tuple[str, str], list[Key]]:
    """What there is now of what was written, by its type and by what it took to write it."""
    found = defaultdict[tuple[str, str], list[Key]](list)
    for key, one in {(one.type, one.id): one for one in work.written}.items():
        if not one.deleted:
            found[one.type, "create" if one.method == "POST" else "update"].append(key)
    return dict(found)


def _unnameable(key: Key) -> Forbidden:
    return Forbidden(
        f"{key[0]}/{key[1]} is not in this patient's record and cannot be referred to. Leave it out."
    )


def _why(type: str) -> str:
    return f"This {type} would not be yours to write: it is about somebody else, or your scopes do not cover what it says."
