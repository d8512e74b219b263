"""Word between processes that there is something new: it only wakes, for what is new stands in tables.

https://www.postgresql.org/docs/current/sql-notify.html

A notification may be late, come twice or be lost: whoever waits for one looks by themselves as well, every second or so.
It is sent by itself after a commit, since a transaction that sends one commits only when no other that does is committing.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Final, Literal, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import RequestError
from fhir_server.ids import uuid7
from fhir_server.store.connection import BEYOND_TIMEOUT, PatientConnection
from fhir_server.tasks import ended

Channel: TypeAlias = Literal["change", "subscription", "event"]
Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[TupleRow]]]

COALESCE_SECONDS: Final = 0.005
ALIVE_SECONDS: Final = 30.0
AGAIN_SECONDS: Final = 1.0

_CHANNELS: Final[dict[str, Channel]] = {
    "fhir_change": "change",
    "fhir_subscription": "subscription",
    "fhir_event": "event",
}
_NAMES: Final = {channel: name for name, channel in _CHANNELS.items()}
_NOTIFY: Final = "SELECT pg_notify(%s, %s)"


class Wake:
    """What one waits at: word that came since the last wait ended is not missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def woken(self) -> bool:
        """Whether there is word that nobody waited for yet."""
        return self._event.is_set()

    def wake(self) -> None:
        """Nothing; whoever waits goes on, or does not wait the next time."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Returns at word of something new, at the latest after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()


class Wakes:
    """Tells other processes, and those who wait in this one, what was committed.

    `change`: resources were written. `subscription`: Subscriptions among them. `event`: subscriptions have new events. While `run` runs, what other processes
    commit wakes as well.
    """

    def __init__(self, url: str, connect: Connect) -> None:
        self._url = url
        self._connect = connect
        self._me = uuid7()
        self._waiting: dict[Channel, list[Wake]] = {"change": [], "subscription": [], "event": []}
        self._due: set[Channel] = set()
        self._sender: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Nothing; called after a commit that wrote resources."""
        self._tell("change")

    def subscribed(self) -> None:
        """Nothing; called after a commit that wrote Subscriptions, whose endpoints are to be greeted."""
        self._tell("subscription")
        self._tell("event")

    def numbered(self) -> None:
        """Nothing; called after a commit that gave subscriptions new events."""
        self._tell("event")

    @contextmanager
    def waiting(self, channel: Channel) -> Iterator[Wake]:
        """What to wait at for word on the channel, within the block."""
        wake = Wake()
        self._waiting[channel].append(wake)
        try:
            yield wake
        finally:
            self._waiting[channel].remove(wake)

    async def run(self) -> None:
        """Never returns; listens to the other processes, again where the connection was lost."""
        while True:
            with suppress(psycopg.Error, OSError):
                await self._listen()
            await asyncio.sleep(AGAIN_SECONDS)

    async def close(self) -> None:
        """Nothing is sent any more."""
        self._due.clear()
        await ended(self._sender)

    def _tell(self, channel: Channel) -> None:
        self._wake(channel)
        self._due.add(channel)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())

    def _wake(self, channel: Channel) -> None:
        for one in self._waiting[channel]:
            one.wake()

    async def _send(self) -> None:
        """What becomes due meanwhile is sent together."""
        while self._due:
            due, self._due = sorted(self._due), set()
            with suppress(RequestError, psycopg.Error):  # the others look by themselves
                async with self._connect() as connection:
                    for channel in due:
                        await connection.execute(_NOTIFY, (_NAMES[channel], self._me))
            await asyncio.sleep(COALESCE_SECONDS)

    async def _listen(self) -> None:
        connection = await PatientConnection.connect(
            self._url, autocommit=True, application_name="fhir-server listener", connect_timeout=10
        )
        async with connection:
            connection.patience = BEYOND_TIMEOUT
            for name, channel in _CHANNELS.items():
                await connection.execute(f"LISTEN {name}")
                self._wake(channel)  # what was told while nobody listened
            while True:
                async for told in connection.notifies(timeout=ALIVE_SECONDS):
                    if told.payload != self._me:
                        self._wake(_CHANNELS[told.channel])
                await connection.execute("SELECT 1")  # the other end may be gone without a word
