"""Delivery: the part of a server process that sends subscriptions what is due to them, each for itself.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook; docs/adr/0024-delivery.md

Any number of processes do it side by side. One at a time sends to a subscription, one notification after the other, so that
events arrive in their order; to many subscriptions at once, so that an endpoint that is slow delays nobody else's.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
import structlog

from fhir_server.errors import RequestError
from fhir_server.ids import uuid7
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import deliveries
from fhir_server.store.subscriptions.deliveries import Claim
from fhir_server.subscriptions.as_json import owner_from
from fhir_server.subscriptions.attempt import Attempts, Sender
from fhir_server.subscriptions.pause import Pause
from fhir_server.subscriptions.permitted import Standings
from fhir_server.subscriptions.places import Places
from fhir_server.tasks import ended
from smart_auth.principal import Principal

LOOK_SECONDS: Final = 1.0
END_SECONDS: Final = 1.0


class Deliveries:
    """Sends what is due until `run` is cancelled; then `close` ends what is under way."""

    def __init__(self, database: Database, sender: Sender, standings: Standings) -> None:
        self._database = database
        self._standings = standings
        self._me = uuid7()
        self._attempts = Attempts(database, sender, self._me)
        self._running: dict[int, asyncio.Task[None]] = {}
        self._places = Places()
        self._pause = Pause(database)
        self._is_scarce = False
        self._hindered = False
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Never returns; looks for what is due at every word of new events, and by itself every second."""
        with self._database.wakes.waiting("event") as wake:
            while True:
                more = False
                try:
                    more = not await self._pause.holds() and await self._start(wake.wake)
                    await self._attempts.lines.sweep(self._running)
                    self._hindered = False
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not end what tells everybody
                    if not self._hindered:  # said once, and again when it happens anew
                        self._log.warning("notifications wait to be sent", reason=type(error).__name__)
                    self._hindered = True
                if not more:
                    await wake.wait(LOOK_SECONDS)

    async def close(self) -> None:
        """Waits a moment for what is under way, and leaves the rest to other processes."""
        under_way = list(self._running.values())
        if under_way:
            await asyncio.wait(under_way, timeout=END_SECONDS)
        await ended(*under_way)
        await self._attempts.lines.close()
        try:
            async with asyncio.timeout(END_SECONDS), self._database.connection() as connection:
                await deliveries.release(connection, self._me)
        except (TimeoutError, RequestError, psycopg.Error):
            self._log.info("notifications left to their leases")

    async def _start(self, ended: Callable[[], None]) -> bool:
        """Whether more may be due than was found, and is being sent from here on; `ended` is called when it is worth another look."""
        free, crowded = self._places.free, self._places.crowded()
        self._is_scarce = not free or any(crowded)
        if not free:
            return False
        async with self._attempts.statements, self._database.connection() as connection:
            claimed = await deliveries.claim(connection, self._me, free, crowded)
            owners = [owner_from(one.owner) for one in claimed]
            now = await self._standings.of(connection, owners) if owners else []
        for one, owner in zip(claimed, now, strict=True):
            if one.key not in self._running:  # else this process stood still for longer than its lease
                self._places.take(one)
                self._running[one.key] = asyncio.create_task(self._serve(one, owner, ended))
        return len(claimed) == free

    async def _serve(self, claimed: Claim, owner: Principal | None, ended: Callable[[], None]) -> None:
        """Sends to one subscription what is due, until there is nothing more, or it is not taken."""
        is_over = False
        try:
            current = await self._attempts.next(claimed, owner)
            while current is not None and current.has_more and not self._pause.is_on:
                current = await self._attempts.next(current, await self._now(current))
            is_over = current is not None and not current.is_due
        except (RequestError, psycopg.Error):
            self._log.info("notification left to its lease", subscription=claimed.key)
        except Exception as error:  # noqa: BLE001 - the lease ends, and then it is tried again
            self._log.error("notification failed", subscription=claimed.key, exc_info=error)
        finally:
            del self._running[claimed.key]
            self._places.leave(claimed)
            if self._is_scarce or not is_over:
                ended()

    async def _now(self, claimed: Claim) -> Principal | None:
        async with self._attempts.statements, self._database.connection() as connection:
            (owner,) = await self._standings.of(connection, [owner_from(claimed.owner)])
        return owner
