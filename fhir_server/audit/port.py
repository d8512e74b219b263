"""What keeps the records of the audit.

docs/adr/0019-audit.md
"""

from collections.abc import Sequence
from typing import Protocol

from fhir_server.audit.record import Record
from fhir_server.audit.trail import Trail
from fhir_server.store.unit_of_work import Transactions


class Audit(Protocol):
    """Where records go; what happened may be told to nobody before they are kept."""

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        ...

    async def be_ready(self) -> None:
        """Nothing; records of now can be kept. Raises Unavailable when they cannot."""
        ...

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, once all of them are durable. Raises Unavailable when they cannot be kept: the request then fails."""
        ...

    def within(self, transactions: Transactions, trail: Trail) -> Transactions:
        """`transactions`, each of which is committed with the records of what it wrote, or not at all."""
        ...


class NoAudit:
    """`audit=off`: nothing is kept."""

    keeps = False

    async def be_ready(self) -> None:
        """Nothing."""

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, at once."""

    def within(self, transactions: Transactions, trail: Trail) -> Transactions:  # noqa: ARG002 - the port's shape
        """The same transactions."""
        return transactions
