"""What whoever leads looks after from time to time: old events, subscriptions whose end has come, how many there are.

docs/adr/0023-change-log.md, "Upkeep"
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Final, get_args

from prometheus_client import Gauge

from fhir_server import clock
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import events, registrations, set_aside
from fhir_server.subscriptions.duties import Duties
from fhir_server.subscriptions.ending import Ending
from fhir_server.subscriptions.known import Known
from fhir_server.subscriptions.model import State

LOOK_SECONDS: Final = 10.0
REMOVE_SECONDS: Final = 600.0

SUBSCRIPTIONS: Final = Gauge(
    "fhir_subscriptions", "Subscriptions, by state.", ("state",), multiprocess_mode="livemax"
)


def tell(counted: Mapping[State, int]) -> None:
    """Nothing; the metrics say how many subscriptions are in each state."""
    for state in get_args(State):
        SUBSCRIPTIONS.labels(state).set(counted.get(state, 0))


class Upkeep:
    """Keeps events for `event_days`; each of its duties is tried again later where it fails."""

    def __init__(self, database: Database, ending: Ending, duties: Duties, event_days: int) -> None:
        self._database = database
        self._ending = ending
        self._duties = duties
        self._event_days = event_days
        self._next = self._next_removal = 0.0

    async def look(self, known: Known) -> None:
        """What is due is done; of old events a part, and the rest the next time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        await self._duties.do("ends", partial(self._end, known))
        await self._duties.do("unreadable", partial(self._end_unreadable, known))
        await self._duties.do("events", self._remove_events)
        await self._duties.do("set aside", self._remove_set_aside)
        await self._duties.do("deleted", self._remove_deleted)
        await self._duties.do("states", self._tell)

    async def _end(self, known: Known) -> None:
        for one in known.ended(clock.now()):
            await self._ending.off(one.asked.id, "The end of the subscription has come.", one.started_at)

    async def _end_unreadable(self, known: Known) -> None:
        for id, reason in list(known.unreadable.items()):
            text = f"This version of the server cannot decide the criteria: {reason}"
            await self._ending.off(id, text)
            del known.unreadable[id]

    async def _remove_events(self) -> None:
        async with self._database.connection() as connection:
            if await events.remove_old(connection, self._event_days) == events.REMOVED_TOGETHER:
                self._next = 0.0

    async def _remove_set_aside(self) -> None:
        async with self._database.connection() as connection:
            await set_aside.remove_old(connection, self._event_days)

    async def _remove_deleted(self) -> None:
        if time.monotonic() < self._next_removal:
            return
        self._next_removal = time.monotonic() + REMOVE_SECONDS
        async with self._database.connection() as connection:
            await registrations.remove_deleted(connection, self._event_days)

    async def _tell(self) -> None:
        async with self._database.connection() as connection:
            tell(await registrations.states(connection))
