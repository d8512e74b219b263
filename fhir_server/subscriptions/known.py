"""The subscriptions that whoever leads knows: read once, then kept in step with what the change log says of them.

docs/adr/0023-change-log.md, "Which subscriptions there are"

A change is held against every subscription that was committed when the change log was read, and perhaps some that were
just then: what was committed after a subscription is never missed.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from fhir_server.errors import InvalidSearch
from fhir_server.store import changes
from fhir_server.store.changes import Change, Snapshot
from fhir_server.store.subscriptions.registrations import Connection, Registration, registered
from fhir_server.subscriptions.as_json import asked_from, owner_from
from fhir_server.subscriptions.failures import Failures
from fhir_server.subscriptions.happened import Happened
from fhir_server.subscriptions.match import Watches
from fhir_server.subscriptions.model import Asked
from smart_auth.principal import Principal

TYPE: Final = "Subscription"
_AT_ONCE: Final = 1_000
_IN_A_ROW: Final = 100  # milliseconds in which no request is served


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A subscription that is not off: whose it is, what it asks for, and from which changes on."""

    key: int
    owner: Principal
    asked: Asked
    since: Snapshot
    started_at: datetime

    def is_told(self, happened: Happened) -> bool:
        """Whether it happened while the subscription was served: after its start, and before its end."""
        ends_at = self.asked.ends_at
        if ends_at is not None and happened.at >= ends_at:
            return False
        if happened.xid is None:
            return happened.at >= self.started_at
        return not self.since.shows(happened.xid)


class Known:
    """Every subscription that is not off, with what it watches."""

    def __init__(self, base_url: str) -> None:
        self.unreadable: dict[str, str] = {}
        self.alive_at = 0.0
        self._watches = Watches(base_url)
        self._served: dict[int, Served] = {}
        self._until = ""
        self._stale = set[str]()

    @property
    def is_empty(self) -> bool:
        """Whether there is nobody to tell of anything."""
        return not self._served

    @property
    def types(self) -> set[str]:
        """The types that somebody watches, and Subscription itself."""
        return {TYPE, *self._watches.types}

    @property
    def watches_silence(self) -> bool:
        """Whether somebody is to be told of devices that fall silent."""
        return any(one.trigger == "silent" for each in self._served.values() for one in each.asked.criteria)

    def ended(self, now: datetime) -> list[Served]:
        """Those whose end has come."""
        return [
            one for one in self._served.values() if one.asked.ends_at is not None and one.asked.ends_at <= now
        ]

    async def load(self, connection: Connection) -> None:
        """Every subscription is known anew."""
        self._until = await changes.now(connection)
        await self._put_all(await registered(connection))

    async def learn(
        self, connection: Connection, logged: Sequence[Change], next: str, *, whole: bool
    ) -> None:
        """What `logged`, read up to `next`, says of subscriptions is known; unless it was the `whole`, what comes later too."""
        self._stale |= {one.id for one in logged if one.type == TYPE}
        if whole:
            self._until = next
        else:
            await self._learn_of_later(connection)
        if self._stale:
            await self._put_all(await registered(connection, self._stale))
            self._stale.clear()

    def may_concern(self, change: Change) -> bool:
        """Whether somebody may have asked to be told of it: where not, its content need not be read."""
        return self._watches.may_concern(change)

    async def told(self, happened: Iterable[Happened], failures: Failures) -> list[tuple[Served, Happened]]:
        """Who is to be told of what, in its order, as far as they may see it; `failures` has what cannot be decided.

        However much that is, requests are served meanwhile, and `alive_at` says that it goes on.
        """
        found, looked = list[tuple[Served, Happened]](), 0
        for one in happened:
            met = dict[int, None]()
            for key in chain(self._watches.looked_at(one, failures), (None,)):
                if key is not None:
                    met[key] = None
                looked += 1
                if looked % _IN_A_ROW == 0:
                    self.alive_at = time.monotonic()
                    await asyncio.sleep(0)
            found += [(each, one) for each in map(self._served.__getitem__, met) if each.is_told(one)]
        return found

    async def _learn_of_later(self, connection: Connection) -> None:
        while True:
            logged, self._until = await changes.read(connection, self._until, _AT_ONCE, {TYPE})
            self._stale |= {one.id for one in logged}
            if len(logged) < _AT_ONCE:
                return

    async def _put_all(self, registrations: Collection[Registration]) -> None:
        for number, one in enumerate(registrations, 1):
            self._put(one)
            if number % _IN_A_ROW == 0:
                await asyncio.sleep(0)

    def _put(self, one: Registration) -> None:
        self._served.pop(one.key, None)
        self._watches.remove(one.key)
        if one.state == "off":
            return
        try:
            asked = asked_from(one.id, one.asked, one.ends_at)
            owner, since = owner_from(one.owner), changes.snapshot(one.since)
            self._watches.put(one.key, asked.criteria)
        except Exception as error:  # noqa: BLE001 - another version of this server wrote it, and all others go on
            self._watches.remove(one.key)
            self.unreadable[one.id] = str(error) if isinstance(error, InvalidSearch) else type(error).__name__
            return
        self._served[one.key] = Served(one.key, owner, asked, since, one.started_at)
