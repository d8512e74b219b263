"""What every server process does for subscriptions beside its requests: it numbers events while it leads, and delivers.

docs/adr/0023-change-log.md; docs/adr/0024-delivery.md
"""

import asyncio
from datetime import timedelta

from fhir_server.audit.port import Audit
from fhir_server.keys import MasterKey
from fhir_server.outbound import Outbound
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.subscriptions.attempt import Sender
from fhir_server.subscriptions.delivery import Deliveries
from fhir_server.subscriptions.failing import Forbearance
from fhir_server.subscriptions.leader import Leader
from fhir_server.subscriptions.permitted import Standings


class Service:
    """Serves subscriptions from `start` on, while its tasks run; `close` when they have ended, before the database closes."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        master_key: MasterKey,
        audit: Audit,
        standings: Standings,
    ) -> None:
        forbearance = Forbearance(settings.hook_error_after, timedelta(hours=settings.hook_off_hours))
        sender = Sender(Outbound(settings.outbound_allow), master_key, settings.fhir_url, forbearance, audit)
        self._database = database
        self._leader = Leader(database, settings.fhir_url, standings, audit, settings.event_days)
        self._deliveries = Deliveries(database, sender, standings)

    def start(self) -> list[asyncio.Task[None]]:
        """The tasks, which run until they are cancelled."""
        parts = (self._database.wakes, self._leader, self._deliveries)
        return [asyncio.create_task(one.run()) for one in parts]

    async def close(self) -> None:
        """What is under way ends, or is left to other processes."""
        await self._deliveries.close()
