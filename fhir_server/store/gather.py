"""Group commit: creates that arrive while a transaction runs share the next one.

docs/adr/0001-storage-layout.md: a commit for each row is what limits a server, not the rows.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from fhir_server.errors import Conflict, RequestError
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import Version

MOST_TOGETHER = 500
WRITERS = 2


@dataclass(slots=True)
class _Waiting:
    draft: Draft
    answer: asyncio.Future[Version] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Gather:
    """Creates resources whose ids the server made; a draft that fails does so alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def create(self, draft: Draft) -> Version:
        """Version 1 of `draft`, committed; raises what made this draft fail, or Unavailable."""
        waiting = _Waiting(draft)
        self._waiting.append(waiting)
        if len(self._writers) < WRITERS:
            writer = asyncio.create_task(self._write())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await waiting.answer

    async def _write(self) -> None:
        while self._waiting:
            together = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
            await self._commit(together)

    async def _commit(self, together: list[_Waiting]) -> None:
        try:
            versions = await self._database.create_all([waiting.draft for waiting in together])
        except Exception as error:  # noqa: BLE001  whatever failed is answered to those it concerns
            await self._fail(together, error)
        else:
            for waiting, version in zip(together, versions, strict=True):
                _answer(waiting, version)

    async def _fail(self, together: list[_Waiting], error: Exception) -> None:
        if len(together) == 1 or isinstance(error, RequestError):
            for waiting in together:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        middle = len(together) // 2
        await self._commit(together[:middle])
        await self._commit(together[middle:])


def _answer(waiting: _Waiting, version: Version | None) -> None:
    if waiting.answer.done():
        return
    if version is None:
        taken = f"{waiting.draft.type}/{waiting.draft.id}"
        waiting.answer.set_exception(Conflict(f"{taken} was made by another request. Send this one again."))
    else:
        waiting.answer.set_result(version)
