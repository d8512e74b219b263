"""From changes to numbered events, a step at a time: read, matched, judged by what owners may see, then numbered as one.

docs/adr/0023-change-log.md, "Numbering"; https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from prometheus_client import Counter

from fhir_server import clock
from fhir_server.search.index import INDEX_VERSION
from fhir_server.store import changes
from fhir_server.store.changes import Change
from fhir_server.store.database import Connection, Database
from fhir_server.store.subscriptions import cursor, events
from fhir_server.store.subscriptions.cursor import Lease
from fhir_server.store.subscriptions.events import Unnumbered
from fhir_server.subscriptions.ending import Ending
from fhir_server.subscriptions.failures import Failures
from fhir_server.subscriptions.happened import Happened, written
from fhir_server.subscriptions.known import TYPE, Known, Served
from fhir_server.subscriptions.permitted import Standings, permitted

CHUNK: Final = 500
TOGETHER: Final = 10_000  # events that one statement numbers: all of a step could outlast its time
_AT_ONCE: Final = 100  # changes whose contents are in memory together
_IN_A_ROW: Final = 50  # milliseconds in which no request is served

NUMBERED: Final = Counter("fhir_subscription_events", "Events of subscriptions that were numbered.")


def unnumbered(found: Iterable[tuple[Served, Happened]]) -> list[Unnumbered]:
    """What `found` is kept as: without the contents, which are large."""
    return [
        Unnumbered(served.key, one.at, one.change, one.type, one.id, one.rid, one.version)
        for served, one in found
    ]


class Numbering:
    """Numbers under one lease, from where it says, about `chunk` changes a step. `matched_until`: what was committed before is done; `read`: how many the last had."""

    def __init__(
        self,
        database: Database,
        base_url: str,
        known: Known,
        standings: Standings,
        ending: Ending,
        lease: Lease,
        chunk: int = CHUNK,
    ) -> None:
        self.epoch = lease.epoch
        self.matched_until: datetime | None = None
        self.read = 0
        self._database = database
        self._base_url = base_url
        self._known = known
        self._standings = standings
        self._ending = ending
        self._position = self._kept = lease.snapshot
        self._chunk = chunk
        self._kept_at = time.monotonic()

    async def pass_over(self) -> bool:
        """Whether there is nobody to tell of anything, so that all there is was passed over. Raises LeaseLost."""
        began = clock.now()
        async with self._database.connection() as connection:
            position = await cursor.pass_over(connection, self.epoch)
            if position is None:
                await cursor.renew(connection, self.epoch)
                return False
        self._position = self._kept = position
        self._kept_at, self.matched_until = time.monotonic(), began
        return True

    async def step(self) -> bool:
        """Whether more waits already. Raises LeaseLost, and then nothing was numbered."""
        began = clock.now()
        async with self._database.connection() as connection:
            logged, next, whole = await self._read(connection)
            self.read = len(logged)
            failures, found, ended = Failures(), list[Unnumbered](), dict[Served, str]()
            watched = [one for one in logged if self._known.may_concern(one)]
            for start in range(0, len(watched), _AT_ONCE):
                some = watched[start : start + _AT_ONCE]
                happened = await self._happened(connection, some, failures)
                told = await self._known.told(happened, failures)
                may = await permitted(connection, told, self._standings, failures)
                found += unnumbered(may.told)
                ended |= may.ended
        await self.end(ended)
        if found or failures or time.monotonic() - self._kept_at >= cursor.RENEW_SECONDS:
            await self._keep(next, found, failures)
        self._position = next
        if whole:
            self.matched_until = began
        elif logged:
            self.matched_until = logged[-1].last_updated
        return not whole

    async def end(self, ended: Mapping[Served, str]) -> None:
        """Those whose right to be told has ended are off: before the cursor passes what they were not told of, so that they know."""
        for served, reason in ended.items():
            self._known.alive_at = time.monotonic()
            await self._ending.without_right(served, reason)

    async def number(self, connection: Connection, found: Sequence[Unnumbered], failures: Failures) -> int:
        """How many events have the numbers that follow, in the transaction that `connection` is in; `told` once it is committed.

        Beside them is kept what failed.
        """
        await failures.keep(connection)
        count = 0
        for start in range(0, len(found), TOGETHER):
            count += await events.number(connection, found[start : start + TOGETHER])
        return count

    def told(self, count: int, failures: Failures) -> None:
        """Nothing; so many events were numbered and committed, and those who wait for them know."""
        failures.tell()
        if count:
            NUMBERED.inc(count)
            self._database.wakes.numbered()

    async def _keep(self, next: str, found: Sequence[Unnumbered], failures: Failures) -> None:
        """Nothing; one statement is its own transaction, and that is what most steps need."""
        first, more = found[:TOGETHER], found[TOGETHER:]
        moving = cursor.moving(self.epoch, self._kept, next)
        async with (
            self._database.connection() as connection,
            connection.transaction() if more or failures else nullcontext(),
        ):
            count = await events.number(connection, first, moving)
            if more or failures:
                count += await self.number(connection, more, failures)
        self._kept, self._kept_at = next, time.monotonic()
        self.told(count, failures)

    async def _read(self, connection: Connection) -> tuple[Sequence[Change], str, bool]:
        """What is new, the snapshot after it, and whether that is all: of the types that those watch who are known then."""
        while True:
            types = self._known.types
            logged, next = await changes.read(connection, self._position, self._chunk, types, INDEX_VERSION)
            whole = len(logged) < self._chunk
            await self._known.learn(connection, logged, next, whole=whole)
            if self._known.types <= types:
                return [one for one in logged if one.type != TYPE], next, whole

    async def _happened(
        self, connection: Connection, logged: Sequence[Change], failures: Failures
    ) -> list[Happened]:
        found = list[Happened]()
        contents = await changes.contents(connection, logged)
        for number, (one, content) in enumerate(zip(logged, contents, strict=True), 1):
            try:
                happened = written(one, content, self._base_url)
            except Exception as error:  # noqa: BLE001 - whatever it is, all others go on
                failures.add(error, one)
            else:
                found += [] if happened is None else [happened]
            if number % _IN_A_ROW == 0:
                await asyncio.sleep(0)
        return found
