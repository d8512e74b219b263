"""What keeps the records of the audit.

docs/adr/0019-audit.md
"""

from collections.abc import Sequence
from typing import Protocol

from fhir_server.audit.record import Record


class Audit(Protocol):
    """Where records go; what happened may be told to nobody before they are kept."""

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, once all of them are durable. Raises Unavailable when they cannot be kept: the request then fails."""
        ...


class NoAudit:
    """`audit=off`: nothing is kept."""

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, at once."""
