"""The live view of one process: reads the change log while anybody watches, once for all who do.

docs/live.md; docs/adr/0025-streams.md

A round reads what was committed since the one before, asks who of those concerned may still be there and what they may see,
and offers it to their streams. None waits for a client.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from fhir_server.clock import now
from fhir_server.errors import Forbidden, RequestError
from fhir_server.rest.live import judging, told
from fhir_server.rest.live.judging import OBSERVATION, PATIENT, Group, Told
from fhir_server.rest.live.position import Position, Positions, xmax
from fhir_server.rest.live.states import news, states
from fhir_server.rest.live.watcher import Rights, Watcher, rights
from fhir_server.rest.streams.open_streams import Streams
from fhir_server.store import changes
from fhir_server.store.changes import Change
from fhir_server.store.database import Connection, Database
from fhir_server.store.wakes import Wake
from fhir_server.tasks import ended

LOOK_SECONDS: Final = 1.0
DEVICES_SECONDS: Final = 2.0
APART_SECONDS: Final = 0.01
"""Between two rounds at least: what comes meanwhile shares the next one."""
AT_ONCE: Final = 2_000
FURTHEST_BACK: Final = 2_000
"""Observations, of whomever, that a client may have missed to be told them; beyond it is told how to search for its own."""
LONGEST_WRITE: Final = timedelta(minutes=2)
"""What was not committed at a position may have been written so long before, at most."""

_TYPES: Final = (OBSERVATION, PATIENT)
_log = structlog.get_logger(__name__)


class Hub:
    """Tells watchers what happens; `base_url` is our own address, where it is known."""

    def __init__(self, database: Database, streams: Streams, key: bytes, base_url: str = "") -> None:
        self._database = database
        self._streams = streams
        self._positions = Positions(key)
        self._base_url = base_url
        self._watchers: dict[str, set[Watcher]] = {}
        self._late: set[Watcher] = set()
        self._newcomers = False
        self._position: Position | None = None
        self._sealed = ("", "")
        self._wake: Wake | None = None
        self._running: asyncio.Task[None] | None = None
        self._looked_at = 0.0

    @asynccontextmanager
    async def watching(self, watcher: Watcher) -> AsyncIterator[None]:
        """Within the block the watcher is told what is committed, after what it missed. Raises Unavailable."""
        self._watchers.setdefault(watcher.patient, set()).add(watcher)
        if watcher.lost:
            self._late.add(watcher)
        try:
            await self._start()
            self._newcomers = True
            if self._wake is not None:
                self._wake.wake()
            yield
        finally:
            self._late.discard(watcher)
            of_patient = self._watchers[watcher.patient]
            of_patient.discard(watcher)
            if not of_patient:
                del self._watchers[watcher.patient]

    def asked(self, text: str | None) -> tuple[Position | None, bool]:
        """The position that a client wants to go on from, and whether it wants to, but cannot."""
        found = self._positions.read(text) if text else None
        return found, bool(text) and found is None

    def heartbeat(self, watcher: Watcher) -> bytes:
        """A sign of life for the watcher, with the position where nothing is missing before it."""
        is_late = watcher in self._late or watcher.resumes is not None
        return told.heartbeat(watcher.stream.kind, "" if is_late else self._text(self._at))

    async def close(self) -> None:
        """Nothing more is told."""
        await ended(self._running)

    async def _start(self) -> None:
        if self._running is None or self._running.done():
            async with self._database.connection() as connection:
                snapshot = await changes.now(connection)
            if self._running is None or self._running.done():
                self._position = Position(snapshot, now())
                self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Returns when nobody watches any more."""
        with self._database.wakes.waiting("change") as wake:
            self._wake = wake
            while self._watchers:
                try:
                    more = await self._round()
                except RequestError:  # the database is away: nothing is lost meanwhile
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                except Exception as error:  # noqa: BLE001 - nobody waits for this task: they must be told
                    _log.error("unexpected", exc_info=error)
                    self._end_all()
                    return
                await asyncio.sleep(APART_SECONDS)
                if not (more or self._newcomers):
                    await wake.wait(LOOK_SECONDS)

    async def _round(self) -> bool:
        """Tells what happened since the last one; whether there is more."""
        async with self._database.connection() as connection:
            resumed = await self._resume(connection)
            found, snapshot = await changes.read(connection, self._at.snapshot, AT_ONCE, _TYPES)
            position = Position(snapshot, now())
            if found:
                await self._tell(connection, found, list(self._settled()), position)
            self._position = position
            for watcher in resumed:
                watcher.already = frozenset()
            if self._newcomers or time.monotonic() - self._looked_at >= DEVICES_SECONDS:
                await self._tell_states(connection)
        for watcher in [one for one in self._late if one.catch_up()]:
            self._late.discard(watcher)
        return len(found) >= AT_ONCE

    async def _resume(self, connection: Connection) -> list[Watcher]:
        """Those who want to go on from where they were, who are told what happened since, if it is not too much."""
        waiting: dict[Position, list[Watcher]] = {}
        for watcher in self._everyone() if self._newcomers else ():
            if watcher.resumes is not None:
                waiting.setdefault(watcher.resumes, []).append(watcher)
        for position, watchers in waiting.items():
            # with fewer than are asked for, these are all
            found, current = await changes.read(connection, position.snapshot, 2 * FURTHEST_BACK, _TYPES)
            # a position ahead of the database is of a time that was taken back, by a restored backup
            if len(found) > FURTHEST_BACK or xmax(position.snapshot) > xmax(current):
                for watcher in watchers:
                    watcher.miss(position.at - LONGEST_WRITE)
                    self._late.add(watcher)
            else:
                await self._tell(connection, found, watchers, self._at)
                for watcher in watchers:
                    watcher.already = frozenset((one.rid, one.version) for one in found)
            for watcher in watchers:
                watcher.resumes = None
        return [one for watchers in waiting.values() for one in watchers]

    async def _tell(
        self,
        connection: Connection,
        found: Sequence[Change],
        watchers: Collection[Watcher],
        position: Position,
    ) -> None:
        """Offers `watchers` what of the changes is theirs to see at this moment."""
        everyone = {one.patient for one in watchers}
        what = await judging.happened(connection, found, everyone, self._base_url)
        touched = {one.change.patient for one in what} | {one.before for one in what}
        touched |= {one.id for one in found if one.type == PATIENT}
        concerned = [one for one in watchers if one.patient in touched]
        if not concerned:
            return
        groups = await self._groups(concerned)
        seen = await judging.seen(connection, list(groups), what, self._base_url)
        id = self._text(position)
        for (_, members), sees in zip(groups.items(), seen, strict=True):
            written: dict[tuple[object, ...], list[bytes]] = {}
            for watcher in members:
                if watcher.patient not in sees.patients:
                    watcher.stream.end("patient")
                events = _new(watcher, sees.events.get(watcher.patient, ()))
                if events:
                    kind = watcher.stream.kind
                    key = (kind, watcher.patient, watcher.already)
                    if key not in written:
                        written[key] = told.parts(kind, [one.text for one in events], id)
                    self._offer(watcher, written[key], events[0].change.last_updated)

    async def _tell_states(self, connection: Connection) -> None:
        """Offers everyone the states of devices that are new to them; the patients must still be theirs to see."""
        self._newcomers = any(one.resumes is not None for one in self._everyone())
        self._looked_at = time.monotonic()
        groups = await self._groups(list(self._settled()))
        moment = now()
        seen = await judging.seen(connection, list(groups), (), self._base_url)
        found = await states(connection, list(groups), moment)
        for (_, members), sees, of_group in zip(groups.items(), seen, found, strict=True):
            for watcher in members:
                if watcher.patient not in sees.patients:
                    watcher.stream.end("patient")
                    continue
                after = of_group[watcher.patient]
                fresh = news(watcher.devices, after)
                watcher.devices = after
                if fresh:
                    self._offer(watcher, told.devices(watcher.stream.kind, fresh), moment)

    async def _groups(self, watchers: Collection[Watcher]) -> dict[Group, list[Watcher]]:
        """Those of `watchers` who may still be there, by what they may see now; the others' streams are ended."""
        standing = await self._streams.standing([one.stream for one in watchers])
        found: dict[str, tuple[Rights, list[Watcher]]] = {}
        for watcher in watchers:
            principal = standing.get(watcher.stream)
            if principal is not None:
                try:
                    own = rights(principal)
                except Forbidden:
                    watcher.stream.end("token")
                    continue
                found.setdefault(own.key, (own, []))[1].append(watcher)
        return {
            Group(own, frozenset(one.patient for one in members)): members for own, members in found.values()
        }

    def _offer(self, watcher: Watcher, parts: Sequence[bytes], written: datetime) -> None:
        if not watcher.tell(parts, written):
            self._late.add(watcher)

    def _everyone(self) -> Iterable[Watcher]:
        return [one for of_patient in self._watchers.values() for one in of_patient]

    def _settled(self) -> Iterable[Watcher]:
        """Those who are told what happens now: whoever wants to go on from before is told that first."""
        return [one for one in self._everyone() if one.resumes is None]

    def _end_all(self) -> None:
        for watcher in self._everyone():
            watcher.stream.end("error")

    @property
    def _at(self) -> Position:
        assert self._position is not None, "started"
        return self._position

    def _text(self, position: Position) -> str:
        """The position as clients keep it, sealed once for all."""
        if self._sealed[0] != position.snapshot:
            self._sealed = (position.snapshot, self._positions.text(position))
        return self._sealed[1]


def _new(watcher: Watcher, events: Sequence[Told]) -> Sequence[Told]:
    """Those that it was not told while it caught up."""
    if not watcher.already:
        return events
    return [one for one in events if (one.change.rid, one.change.version) not in watcher.already]
