"""What a WebSocket is bound to: a Subscription each, told as Bundles or as R4's pings, until its token expires.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from fhir_server import clock
from fhir_server.errors import Issue
from fhir_server.json import dumps
from fhir_server.outcomes import operation_outcome
from fhir_server.rest.streams.stream import Stream
from fhir_server.rest.streams.subscription_events import ENDINGS
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.news import Ended, Following, Gap, News, Silence, Told
from fhir_server.subscriptions.stream import Followers
from fhir_server.tasks import ended

Form: TypeAlias = Literal["bundles", "pings"]


@dataclass(slots=True, eq=False)
class Bond:
    """One Subscription that a WebSocket is bound to; `token` is the hash of the token that did it last, if one did."""

    following: Following
    form: Form
    until: datetime | None = None
    token: bytes | None = None

    @property
    def id(self) -> str:
        """The id of the Subscription."""
        return self.following.asked.id

    @property
    def seconds(self) -> float | None:
        """How long it lasts still; None is without end."""
        return None if self.until is None else max((self.until - clock.now()).total_seconds(), 0.0)


class Bonds:
    """All that one WebSocket is bound to; each is told by itself, in the order of its events."""

    def __init__(self, followers: Followers, stream: Stream, tasks: asyncio.TaskGroup) -> None:
        self._followers = followers
        self._tasks = tasks
        self._stream = stream
        self._bonds: dict[str, tuple[Bond, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._bonds)

    def get(self, id: str) -> Bond | None:
        """What binds to the Subscription with the id, if anything does."""
        return self._bonds[id][0] if id in self._bonds else None

    async def greet(self, bond: Bond) -> None:
        """Nothing; the client is told what it is bound to, and from now on what happens."""
        if bond.form == "pings":
            await self._stream.put(b"bound " + bond.id.encode())
        else:
            about = bond.following.about(bond.following.stand.numbered)
            await self._stream.put(notification.handshake(about, clock.now()).body)
        if bond.id not in self._bonds:
            self._bonds[bond.id] = bond, self._tasks.create_task(self._told(bond))

    async def unbind(self, token: bytes) -> None:
        """Nothing; what the token bound to is told no more."""
        for bond, task in [each for each in self._bonds.values() if each[0].token == token]:
            self._bonds.pop(bond.id, None)  # perhaps it ended by itself meanwhile
            await ended(task)

    async def end(self) -> None:
        """Nothing, once nobody is told anything any more."""
        await ended(*(task for _, task in self._bonds.values()))
        self._bonds.clear()

    async def _told(self, bond: Bond) -> None:
        with self._followers.joined(bond.following):
            while self._stream.ending is None:
                await self._stream.drained()
                news: News | None = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(bond.seconds):
                        news = await self._followers.news(bond.following)
                if isinstance(news, Ended):
                    await self._over(bond, news)
                    return
                if news is not None:
                    for part in _parts(bond, news):
                        await self._stream.put(part)
                elif bond.seconds == 0:  # and no other token bound to it meanwhile
                    await self._over(bond, Ended("rights"))
                    return

    async def _over(self, bond: Bond, ended: Ended) -> None:
        """Tells the client that it is bound no more; a WebSocket that is bound to nothing is closed."""
        if bond.form == "bundles":
            await self._stream.put(_last_words(bond, ended))
        self._bonds.pop(bond.id, None)
        if not self._bonds:
            await self._stream.drained()
            self._stream.end(ENDINGS[ended.reason])


def _parts(bond: Bond, news: Told | Gap | Silence) -> Iterator[bytes]:
    match news, bond.form:
        case Silence(), "pings":
            return
        case ((Told() | Gap()), "pings"):
            yield b"ping " + bond.id.encode()
        case Gap(first, last), _:
            text = f"Events {first} to {last} of Subscription/{bond.id} are no longer kept. Read what changed instead."
            yield _outcome("incomplete", text)
        case ((Told(_, told) | Silence(told)), _):
            yield told.body


def _last_words(bond: Bond, ended: Ended) -> bytes:
    match ended.reason:
        case "off":
            about = replace(bond.following.about(bond.following.after), state="off")
            return notification.heartbeat(about, clock.now()).body
        case "rights":
            text = f"What bound to Subscription/{bond.id} has ended. Bind again with another token."
            return _outcome("expired", text)
        case "failure":
            text = f"An event of Subscription/{bond.id} cannot be told for a failure here. Ask its $events."
            return _outcome("exception", text)


def _outcome(code: str, text: str) -> bytes:
    return dumps(operation_outcome((Issue(code, text, severity="warning"),)))
