"""The one process that numbers events: any can be it, and another takes over within ten seconds when it ends.

docs/adr/0023-change-log.md, "Lease and epoch"
"""

import asyncio
import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import psycopg
import structlog
from prometheus_client import Gauge

from fhir_server import clock
from fhir_server.audit.port import Audit
from fhir_server.errors import RequestError
from fhir_server.ids import uuid7
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import cursor
from fhir_server.store.subscriptions.cursor import LeaseLost
from fhir_server.store.wakes import Wake
from fhir_server.subscriptions.duties import Duties
from fhir_server.subscriptions.ending import Ending
from fhir_server.subscriptions.known import Known
from fhir_server.subscriptions.numbering import Numbering
from fhir_server.subscriptions.permitted import Standings
from fhir_server.subscriptions.silence import Silence
from fhir_server.subscriptions.upkeep import Upkeep, tell
from fhir_server.tasks import ended

LOOK_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.01
"""Between two steps at least: what comes meanwhile shares the next one, and what comes after silence waits for nothing."""
MANY: Final = 5
GATHER_MANY_SECONDS: Final = 0.025
"""The same after a step that read so many changes: what a step costs is shared by more of them, while nobody waits for long."""
STUCK_SECONDS: Final = 60.0

LAG: Final = Gauge(
    "fhir_subscription_lag_seconds",
    "How long ago what was committed was last known to be matched against all subscriptions.",
    multiprocess_mode="livemax",
)


@dataclass(frozen=True, slots=True)
class _Term:
    """What one leads with, under one lease."""

    known: Known
    numbering: Numbering
    silence: Silence
    duties: Duties
    upkeep: Upkeep
    renewing: asyncio.Task[None]


class Leader:
    """Leads when it can, until `run` is cancelled. Events are kept for `event_days`."""

    def __init__(
        self, database: Database, base_url: str, standings: Standings, audit: Audit, event_days: int
    ) -> None:
        self._database = database
        self._audit = audit
        self._base_url = base_url
        self._standings = standings
        self._event_days = event_days
        self._me = f"{os.getpid()}@{platform.node()} {uuid7()}"  # an operator sees in the table who leads
        self._term: _Term | None = None
        self._stepped_at = 0.0
        self._hindered = False
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Never returns; a database that is away is asked again."""
        try:
            wakes = self._database.wakes
            with wakes.waiting("change") as changed, wakes.waiting("subscription") as subscribed:
                while True:
                    await self._turn(changed, subscribed)
        finally:
            await self._resign()

    async def _turn(self, changed: Wake, subscribed: Wake) -> None:
        try:
            if self._term is None and not await self._take():
                await asyncio.sleep(cursor.RENEW_SECONDS)
                return
            more = await self.lead()
            self._hindered = False
        except LeaseLost:
            self._log.info("another process numbers events now")
            await self._leave()
            LAG.set(0)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end what tells everybody of changes
            if not self._hindered:  # said once, and again when it happens anew
                self._log.warning("events wait to be numbered", reason=type(error).__name__)
            self._hindered = True
            self._tell_lag()
            if not isinstance(error, RequestError | psycopg.Error):  # what is known may be half of it
                await self._resign()
            await asyncio.sleep(LOOK_SECONDS)
        else:
            await self._pause(changed, subscribed, more=more)

    async def lead(self) -> bool:
        """Whether more waits already, after a step under the lease. Raises LeaseLost."""
        term = self._term
        assert term is not None, "it was taken"
        self._stepped_at = time.monotonic()
        more = False
        if term.known.is_empty and not await term.numbering.pass_over():
            async with self._database.connection() as connection:
                await term.known.load(connection)
        if not term.known.is_empty:
            more = await term.numbering.step()
            await term.duties.do("silence", partial(term.silence.look, term.numbering))
        self._tell_lag()
        await term.upkeep.look(term.known)
        return more

    async def _take(self) -> bool:
        async with self._database.connection() as connection:
            lease = await cursor.take(connection, self._me)
        if lease is None:
            return False
        known, self._stepped_at = Known(self._base_url), time.monotonic()
        ending, duties = Ending(self._database, self._audit), Duties()
        self._term = _Term(
            known,
            Numbering(self._database, self._base_url, known, self._standings, ending, lease),
            Silence(self._database, self._base_url, known, self._standings, lease),
            duties,
            Upkeep(self._database, ending, duties, self._event_days),
            asyncio.create_task(self._renew(lease.epoch, known)),
        )
        return True

    async def _pause(self, changed: Wake, subscribed: Wake, *, more: bool) -> None:
        """Returns when there may be something to do; those who are told of nothing are not worth being woken for."""
        if more:
            return
        if self._term is None or self._term.known.is_empty:
            await subscribed.wait(LOOK_SECONDS)
        else:
            began = time.monotonic()
            await changed.wait(LOOK_SECONDS)
            apart = GATHER_SECONDS if self._term.numbering.read < MANY else GATHER_MANY_SECONDS
            await asyncio.sleep(max(0.0, began + apart - time.monotonic()))

    def _tell_lag(self) -> None:
        until = None if self._term is None else self._term.numbering.matched_until
        if until is not None:
            LAG.set(max(0.0, (clock.now() - until).total_seconds()))

    async def _renew(self, epoch: int, known: Known) -> None:
        """Returns when another process leads; until then the lease lasts on, however long a step takes that is not stuck."""
        with suppress(LeaseLost):
            while True:
                await asyncio.sleep(cursor.RENEW_SECONDS)
                if time.monotonic() - max(self._stepped_at, known.alive_at) < STUCK_SECONDS:
                    with suppress(RequestError, psycopg.Error):
                        async with self._database.connection() as connection:
                            await cursor.renew(connection, epoch)

    async def _leave(self) -> None:
        """Leads no more; what is told of the whole is for the next leader to tell."""
        term, self._term = self._term, None
        if term is not None:
            await ended(term.renewing)
        tell({})

    async def _resign(self) -> None:
        """Another process may lead at once."""
        term = self._term
        await self._leave()
        if term is not None:
            with suppress(TimeoutError, RequestError, psycopg.Error):
                async with asyncio.timeout(LOOK_SECONDS), self._database.connection() as connection:
                    await cursor.release(connection, term.numbering.epoch)
