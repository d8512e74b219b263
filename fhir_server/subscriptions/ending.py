"""The end of a subscription that whoever leads puts to it: it is off, with the reason, and its resource says so.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.status; docs/adr/0023-change-log.md
"""

from datetime import datetime

import structlog

from fhir_server.audit.port import Audit
from fhir_server.store.unit_of_work import Transactions
from fhir_server.subscriptions.known import Served
from fhir_server.subscriptions.restate import recorded, restated


class Ending:
    """Turns subscriptions off, each in a transaction of `transactions`; `audit` keeps a record."""

    def __init__(self, transactions: Transactions, audit: Audit) -> None:
        self._transactions = recorded(transactions, audit)
        self._log = structlog.get_logger()

    async def off(self, id: str, reason: str, started_at: datetime | None = None) -> None:
        """The Subscription with the id is off; not where it was started again after `started_at`."""
        async with self._transactions.transaction() as work:
            await restated(work, id, "off", reason, started_at=started_at)

    async def without_right(self, served: Served, reason: str) -> None:
        """As `off`, for one whose owner may be told nothing more."""
        self._log.info("subscription off", subscription=served.key)
        await self.off(served.asked.id, reason, served.started_at)
