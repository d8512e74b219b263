"""Events for those who are connected: read for all of them together, whenever there is word of new ones.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets

Whoever is connected takes the next events when those before were sent, so that one who reads slowly delays nobody, and
nothing waits for them here: it stands in the table until they come back for it, or is told as a gap when it is kept no more.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

import psycopg
import structlog

from fhir_server import clock
from fhir_server.errors import RequestError
from fhir_server.search.access import access
from fhir_server.store.database import Connection, Database
from fhir_server.store.subscriptions.contents import fitting
from fhir_server.store.subscriptions.following import Row, Wanted, events, stands
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.as_json import asked_from
from fhir_server.subscriptions.contents import contents
from fhir_server.subscriptions.model import Asked, Event
from fhir_server.subscriptions.news import (
    MOST_AT_ONCE,
    Ended,
    Following,
    Gap,
    Judge,
    News,
    Silence,
    Told,
    event,
)
from fhir_server.subscriptions.notification import Occurrence
from fhir_server.subscriptions.standing import refusal
from smart_auth.principal import Principal

LOOK_SECONDS: Final = 1.0
JUDGE_SECONDS: Final = 2.0
MOST_TOGETHER: Final = 500
MOST_EVENTS: Final = 200
FEW_EVENTS: Final = 10
"""So many are told together however large their contents are."""
MOST_BYTES: Final = 2_000_000


class Followers:
    """Those who are connected to this process, and what is new for them; `run` runs beside them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._following = set[Following]()
        self._word = 0
        self._due = asyncio.Event()
        self._judged_at = 0.0
        self._log = structlog.get_logger()

    @contextmanager
    def joined(self, following: Following) -> Iterator[None]:
        """Lets them wait for news within the block."""
        self._following.add(following)
        try:
            yield
        finally:
            self._following.discard(following)

    async def news(self, following: Following) -> News:
        """What is next for one who has joined, as soon as there is something."""
        following.waits = asyncio.get_running_loop().create_future()
        if following.looked < self._word:
            self._due.set()
        try:
            async with asyncio.timeout(following.asked.channel.heartbeat):
                found = await following.waits
        except TimeoutError:
            return Silence(notification.heartbeat(following.about(following.after), clock.now()))
        finally:
            following.waits = None
        if isinstance(found, Told | Gap):
            following.after = found.last
        return found

    async def run(self) -> None:
        """Never returns; looks for what is new at every word of it, and by itself every second."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            while True:
                await self._due.wait()
                self._due.clear()
                try:
                    await self._look()
                    if time.monotonic() - self._judged_at >= JUDGE_SECONDS:
                        self._judged_at = time.monotonic()
                        await self._judge()
                except (RequestError, psycopg.Error):
                    await asyncio.sleep(LOOK_SECONDS)  # the database is away

    async def _listen(self) -> None:
        with self._database.wakes.waiting("event") as wake:
            while True:
                await wake.wait(LOOK_SECONDS)
                self._word += 1
                if self._following:
                    self._due.set()

    async def _look(self) -> None:
        """Tells those who wait what is new since they were last looked at."""
        word = self._word
        behind = [one for one in self._following if one.is_hungry and one.looked < word]
        if not behind:
            return
        if len(behind) > MOST_TOGETHER:
            behind = behind[:MOST_TOGETHER]
            self._due.set()
        alike = defaultdict[Wanted, list[Following]](list)
        for one in behind:
            alike[Wanted(one.key, one.after)].append(one)
        async with self._database.connection() as connection:
            found = await events(connection, list(alike), MOST_AT_ONCE)
        due = dict[Following, Sequence[Row]]()
        for some, rows in zip(alike.values(), found, strict=True):
            for one in some:
                one.looked = word if len(rows) <= one.most and len(rows) < MOST_AT_ONCE else -1
                if rows:
                    due[one] = rows
        await self._tell(_shown(due, await self._callers(list(due))))

    async def _tell(self, shown: Iterable["Shown"]) -> None:
        """Tells each of their events; what callers of the same rights are shown is read together."""
        alike = defaultdict[object, list[Shown]](list)
        for one in shown:
            alike[one.caller, one.asked.channel.content, one.base_url].append(one)
        for group in (part for whole in alike.values() for part in _parts(whole)):
            try:
                await self._tell_alike(group)
            except (RequestError, psycopg.Error):
                raise
            except Exception as error:  # noqa: BLE001 - what cannot be told to some must not silence the others
                self._log.error("events could not be told", exc_info=error)
                for each in (each for one in group for each in one.followings):
                    each.give(Ended("failure"))
            await asyncio.sleep(0)  # requests are served meanwhile

    async def _tell_alike(self, group: Sequence["Shown"]) -> None:
        left = list(_seeing(group))
        while left:
            async with self._database.connection() as connection:
                some = await _bearable(connection, left)
                found = await _occurrences(connection, some)
            self._give(some, found)
            left = left[len(some) :]

    @staticmethod
    def _give(group: Sequence["Shown"], found: Sequence[Sequence[Occurrence]]) -> None:
        at = clock.now()
        for one, occurrences in zip(group, found, strict=True):
            last = one.events[-1].number
            about = one.followings[0].about(last)
            told = Told(last, notification.events(about, one.asked.channel.content, occurrences, at))
            for each in one.followings:
                each.give(told)

    async def _judge(self) -> None:
        """Ends those who may be told nothing more, though there is nothing to tell, and says what nobody can be told of."""
        for one in await self._callers([one for one in self._following if one.is_hungry]):
            if one.after < one.stand.kept_from - 1:
                one.give(Gap(one.after + 1, one.stand.kept_from - 1))

    async def _callers(self, some: Sequence[Following]) -> Mapping[Following, Principal]:
        """Who each of them is now; those who may be told nothing more are told so."""
        if not some:
            return {}
        async with self._database.connection() as connection:
            standing = await stands(connection, [one.key for one in some])
        judges = defaultdict[Judge, list[Following]](list)
        for one in some:
            stand = standing.get(one.key)
            if stand is None or stand.state == "off":
                one.give(Ended("off"))
            else:
                one.stand, one.asked = stand, _asked(one.asked.id, stand.asked)
                judges[one.judge].append(one)
        found = dict[Following, Principal]()
        for judge, judged in judges.items():
            found |= await judge(judged)
            for one in judged:
                if one not in found:
                    one.give(Ended("rights"))
        return found


class Shown(NamedTuple):
    """Events that a caller is told of, over each connection of theirs that is at the same place."""

    followings: Sequence[Following]
    caller: Principal
    events: Sequence[Event]

    @property
    def asked(self) -> Asked:
        """What the Subscription asks for."""
        return self.followings[0].asked

    @property
    def base_url(self) -> str:
        """The address of `/fhir` as they see it."""
        return self.followings[0].base_url


def _shown(due: Mapping[Following, Sequence[Row]], callers: Mapping[Following, Principal]) -> Iterable[Shown]:
    """Who is told of which events, a notification each; those who are behind what is kept are told that first."""
    alike = defaultdict[object, list[Following]](list)
    for one, caller in callers.items():
        first = due[one][0].number
        if first > one.after + 1:
            one.looked = -1
            one.give(Gap(one.after + 1, first - 1))
        else:
            alike[one.key, one.after, caller, one.base_url].append(one)
    for some in alike.values():
        yield Shown(some, callers[some[0]], [event(row) for row in due[some[0]][: some[0].most]])


def _seeing(group: Iterable[Shown]) -> Iterator[Shown]:
    """Those who may see what is watched; the others, whose tokens are for less, are told that it ends."""
    for one in group:
        if refusal(one.caller, one.asked) is None:
            yield one
        else:
            for each in one.followings:
                each.give(Ended("rights"))


def _parts(group: Sequence[Shown]) -> Iterator[Sequence[Shown]]:
    """The group in parts of not many events each, so that not many contents are held at once."""
    part, size = list[Shown](), 0
    for one in group:
        if part and size + len(one.events) > MOST_EVENTS:
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one.events)
    yield part


async def _bearable(connection: Connection, group: Sequence[Shown]) -> Sequence[Shown]:
    """The first of the group, whose contents are together not too large; of the last of them perhaps not all events."""
    together = [(each.type, each.id, each.version) for one in group for each in one.events]
    if len(together) <= FEW_EVENTS or group[0].asked.channel.content != "full-resource":
        return group
    left, found = max(await fitting(connection, together, MOST_BYTES), 1), list[Shown]()
    for one in group:
        if left <= 0:
            break
        found.append(one._replace(events=one.events[:left]))
        if left < len(one.events):
            for each in one.followings:
                each.looked = -1  # there is more for them
        left -= len(one.events)
    return found


async def _occurrences(connection: Connection, group: Sequence[Shown]) -> list[list[Occurrence]]:
    """The events of each of a group of equal rights, with their contents."""
    first = group[0]
    together = [each for one in group for each in one.events]
    read = await contents(
        connection,
        [replace(each, number=place) for place, each in enumerate(together)],
        first.asked.channel.content,
        access(first.caller),
        base_url=first.base_url,
    )
    whole = iter([Occurrence(each, one.body) for each, one in zip(together, read, strict=True)])
    return [[next(whole) for _ in one.events] for one in group]


@lru_cache(maxsize=4096)
def _asked(id: str, kept: str) -> Asked:
    return asked_from(id, json.loads(kept))
