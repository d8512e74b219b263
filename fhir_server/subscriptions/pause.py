"""Whether notifications are held back, as each process that delivers looks it up: until it has, they are.

docs/adr/0024-delivery.md, "A copy sends nothing"
"""

import time
from typing import Final

import structlog
from prometheus_client import Gauge

from fhir_server.store.database import Database
from fhir_server.store.subscriptions import pausing

LOOK_SECONDS: Final = 1.0

PAUSED: Final = Gauge(
    "fhir_notifications_paused",
    "1 while no notification is sent, until `fhir-server subscription resume`.",
    multiprocess_mode="livemax",
)


class Pause:
    """`is_on` as it was known last."""

    def __init__(self, database: Database) -> None:
        self.is_on = True
        self._database = database
        self._looked_at: float | None = None
        self._log = structlog.get_logger()

    async def holds(self) -> bool:
        """Whether nothing is to be sent; asked of the database once a second."""
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_SECONDS:
            async with self._database.connection() as connection:
                found = await pausing.is_paused(connection)
            if found and (self._looked_at is None or not self.is_on):
                self._log.warning("notifications are paused, until: fhir-server subscription resume")
            elif self.is_on and not found and self._looked_at is not None:
                self._log.info("notifications are sent again")
            self.is_on, self._looked_at = found, now
            PAUSED.set(found)
        return self.is_on
