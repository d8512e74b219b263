"""Devices that fall silent, told once to those who asked, until they are heard of again.

docs/subscriptions.md, "Topics"; docs/adr/0023-change-log.md, "Devices that fall silent"

Where nobody listened to devices for a while, because no server ran, none of them fell silent then: they are judged when each
had the time to be heard again.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.database import Database
from fhir_server.store.devices.silence import CONNECTED_WITHIN, Silent, silent
from fhir_server.store.devices.silence import told as kept_as_told
from fhir_server.store.subscriptions import cursor
from fhir_server.store.subscriptions.cursor import Lease
from fhir_server.subscriptions.failures import Failures
from fhir_server.subscriptions.happened import DEVICE, Happened, fell_silent
from fhir_server.subscriptions.known import Known
from fhir_server.subscriptions.numbering import Numbering, unnumbered
from fhir_server.subscriptions.permitted import Standings, permitted

LOOK_SECONDS: Final = 5.0
AWAY: Final = timedelta(minutes=1)
_AT_ONCE: Final = 500


class Silence:
    """Looks from time to time for devices that fell silent, under one lease."""

    def __init__(
        self, database: Database, base_url: str, known: Known, standings: Standings, lease: Lease
    ) -> None:
        self._database = database
        self._base_url = base_url
        self._known = known
        self._standings = standings
        nobody_listened = lease.gap is None or lease.gap > AWAY
        self._next = time.monotonic() + (CONNECTED_WITHIN.total_seconds() if nobody_listened else 0.0)

    async def look(self, numbering: Numbering) -> None:
        """Devices that fell silent meanwhile are told of. Raises LeaseLost, and then none was."""
        if time.monotonic() < self._next or not self._known.watches_silence:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        async with self._database.connection() as connection:
            devices = await silent(connection, RESOURCE_TYPES[DEVICE], _AT_ONCE)
            count, failures = 0, Failures()
            told = await self._known.told(self._fallen(devices, failures), failures)
            may = await permitted(connection, told, self._standings, failures)
            await numbering.end(may.ended)
            if devices:
                async with connection.transaction():
                    await cursor.hold(connection, numbering.epoch)
                    count = await numbering.number(connection, unnumbered(may.told), failures)
                    await kept_as_told(connection, devices)
        numbering.told(count, failures)
        if len(devices) == _AT_ONCE:
            self._next = 0.0

    def _fallen(self, devices: Sequence[Silent], failures: Failures) -> Iterator[Happened]:
        for one in devices:
            try:
                happened = fell_silent(one, self._base_url)
            except Exception as error:  # noqa: BLE001 - whatever it is, all others go on
                failures.add(error, one)
            else:
                yield happened
