"""Group commit: what arrives while a statement runs shares the next one.

docs/adr/0001-storage-layout.md: a commit for each row is what limits a server, not the rows.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from fhir_server.errors import RequestError

MOST_TOGETHER = 500
WRITERS = 2

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Waiting(NamedTuple, Generic[Item, Answer]):
    item: Item
    rows: int
    answer: "asyncio.Future[Answer]"


class Gathering(Generic[Item, Answer]):
    """Commits items in groups; one that makes its group fail does so alone, since a failed group is tried by halves.

    At most so many `writers` commit at once: the fewer they are, the larger the groups. A writer waits so many seconds of
    `patience`, at most, for as many items as it committed last: those who were answered then may be about to come again.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        writers: int = WRITERS,
        patience: float = 0.0,
    ) -> None:
        self._commit = commit
        self._most_writers = writers
        self._patience = patience
        self._wanted = 0
        self._enough: asyncio.Future[None] | None = None
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._writing = 0
        self._beginning = False
        self._writers: set[asyncio.Task[None]] = set()  # the event loop alone would forget them

    async def add(self, item: Item, rows: int = 1) -> Answer:
        """The answer to `item`, which weighs `rows`, once its group is committed; raises what made the item fail."""
        waiting: _Waiting[Item, Answer] = _Waiting(item, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._enough is not None and len(self._waiting) >= self._wanted:
            _end(self._enough)
        self._begin()
        return await waiting.answer

    def _begin(self) -> None:
        """One writer more, where there may be and none is about to look at what waits."""
        if self._beginning or self._writing >= self._most_writers:
            return
        self._beginning = True
        self._writing += 1
        writer = asyncio.create_task(self._write())
        self._writers.add(writer)
        writer.add_done_callback(self._writers.discard)

    async def _write(self) -> None:
        self._beginning = False
        try:
            while self._waiting:
                if len(self._waiting) < self._wanted:
                    await self._company()
                together, rows = [self._waiting.popleft()], 0
                while self._waiting and (rows := rows + together[-1].rows) < MOST_TOGETHER:
                    together.append(self._waiting.popleft())
                self._wanted = len(together) if self._patience else 0
                if self._waiting:
                    self._begin()
                await self._commit_together(together)
        finally:  # at once, and not when the loop tells of the task's end: what comes between would wait for nobody
            self._writing -= 1

    async def _company(self) -> None:
        """Returns when as many wait as are wanted, or patience ends."""
        loop = asyncio.get_running_loop()
        self._enough = loop.create_future()
        timer = loop.call_later(self._patience, _end, self._enough)
        try:
            await self._enough
        finally:
            timer.cancel()
            self._enough = None

    async def _commit_together(self, together: list[_Waiting[Item, Answer]]) -> None:
        try:
            answers = await self._commit([waiting.item for waiting in together])
        except RequestError as error:  # says nothing about a single item: the database is away, or busy
            for waiting in together:
                _fail(waiting, error)
        except Exception as error:  # noqa: BLE001  whichever item it was, it alone is to get the error
            await self._commit_by_halves(together, error)
        else:
            for waiting, answer in zip(together, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    async def _commit_by_halves(self, together: list[_Waiting[Item, Answer]], error: Exception) -> None:
        if len(together) == 1:
            _fail(together[0], error)
            return
        middle = len(together) // 2
        await self._commit_together(together[:middle])
        await self._commit_together(together[middle:])


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _fail(waiting: _Waiting[Item, Answer], error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
