"""Where ingest's groups are stored: each whole or not at all, a replay told from a change.

https://hl7.org/fhir/R4/http.html#transactional-integrity; docs/adr/0004-identity.md
"""

import asyncio
from collections.abc import Sequence

from fhir_server.errors import Conflict, InsufficientStorage, InvalidResource, RequestError
from fhir_server.interactions.decision import Decision, Taken
from fhir_server.interactions.prepared import (
    PREPARED_AT_ONCE,
    Groups,
    Prepared,
    ordered,
    patients_of,
    prepared_group,
    provenance_drafts,
    refused,
)
from fhir_server.store.database import Database
from fhir_server.store.gathering import Gathering
from ingest.errors import NoSpace, SinkUnavailable
from ingest.sink import Group, Stored

RACES = 3


class StoreSink:
    """The sink of `ingest` that stores in this server's own database.

    What is new waits for nobody's locks, so that one writer is enough for it, and the more readings share each commit. What
    turns out not to be new is looked at apart.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._new: Gathering[Groups, bool] = Gathering(self._create, writers=1)
        self._others: Gathering[Groups, list[Stored]] = Gathering(self._commit)

    async def store(self, groups: Sequence[Group]) -> list[Stored]:
        """One answer per group in order, after the commit; raises SinkUnavailable when nothing can be promised."""
        answers: list[Stored | None] = []
        prepared: list[Prepared] = []
        for number, group in enumerate(groups):
            if number % PREPARED_AT_ONCE == PREPARED_AT_ONCE - 1:
                await asyncio.sleep(0)
            try:
                prepared.append(await prepared_group(group))
                answers.append(None)
            except InvalidResource as error:
                answers.append(refused(error))
        stored = iter(await self._stored(prepared))
        return [answer or next(stored) for answer in answers]

    async def _stored(self, prepared: Groups) -> list[Stored]:
        if not prepared:
            return []
        rows = sum(len(group.drafts) for group in prepared)
        try:
            if await self._new.add(prepared, rows):
                return [Stored("created", group.references) for group in prepared]
            return await self._others.add(prepared, rows)
        except InsufficientStorage as error:
            raise NoSpace from error
        except RequestError as error:
            raise SinkUnavailable(str(error)) from error

    async def _create(self, requests: Sequence[Groups]) -> list[bool]:
        """Whether all was new, and is there; else nothing of it is."""
        groups = [group for request in requests for group in request]
        new = [(group, draft, 1) for group in groups for draft in group.drafts]
        drafts = ordered([draft for _, draft, _ in new] + provenance_drafts("CREATE", new))
        made = await self._database.create_together(
            drafts, patients_of(groups), [group.drafts[0] for group in groups]
        )
        return [made] * len(requests)

    async def _commit(self, requests: Sequence[Groups]) -> list[list[Stored]]:
        groups = [group for request in requests for group in request]
        answers = iter(await self._decided(groups))
        return [[next(answers) for _ in request] for request in requests]

    async def _decided(self, groups: Groups) -> list[Stored]:
        for _ in range(RACES):
            try:
                async with self._database.transaction() as work:
                    return await Decision(work).answers(groups)
            except Taken:
                continue
        raise Conflict("The same readings keep arriving on other connections. Send them again.")
