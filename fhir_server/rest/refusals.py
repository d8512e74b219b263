"""Refusals of those who ask too often: the audit keeps the first of a minute, and of the others how many there were.

docs/adr/0019-audit.md

Who is beyond their rate is refused as fast as they ask: without a bound that would fill the audit.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fhir_server.audit.port import Audit
from fhir_server.audit.record import Origin, Record
from fhir_server.audit.trail import Trail
from fhir_server.errors import Unavailable
from fhir_server.rest.rates import network
from fhir_server.store.unit_of_work import Transactions

FULLY: Final = 20
PERIOD_SECONDS: Final = 60.0
_MOST: Final = 10_000
_TOO_OFTEN: Final = "429"

_Key: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class _Refused:
    """What came since the last telling: the first record, how many were kept, how many were left out."""

    first: Record
    kept: int = 0
    left_out: int = 0


class FewRefusals:
    """An audit that keeps so many records of each who asks too often.

    `run` tells of the others; what `tell` was not called for is lost with the process.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._refused: dict[_Key, _Refused] = {}

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._audit.keeps

    async def be_ready(self) -> None:
        """Nothing; records of now can be kept. Raises Unavailable when they cannot."""
        await self._audit.be_ready()

    async def keep(self, records: Sequence[Record]) -> None:
        """Nothing, once all but those that are only counted are durable. Raises Unavailable when they cannot be kept."""
        await self._audit.keep([one for one in records if self._is_kept(one)])

    def within(self, transactions: Transactions, trail: Trail) -> Transactions:
        """`transactions`, each of which is committed with the records of what it wrote, or not at all."""
        return self._audit.within(transactions, trail)

    async def run(self) -> None:
        """Tells what was counted, each minute, until it is cancelled."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self.tell()

    async def tell(self) -> None:
        """Nothing, once it is kept how many were left out, or the audit is away: then they are told the next time."""
        over, self._refused = self._refused, {}
        untold = {key: one for key, one in over.items() if one.left_out}
        try:
            await self._audit.keep([_told(one) for one in untold.values()])
        except Unavailable:
            for key, one in untold.items():
                self._refused.setdefault(key, _Refused(one.first)).left_out += one.left_out

    def _is_kept(self, record: Record) -> bool:
        key = _key(record)
        if key is None:
            return True
        if key not in self._refused and len(self._refused) >= _MOST:
            key = key[:1]
        refused = self._refused.setdefault(key, _Refused(record))
        if refused.kept < FULLY:
            refused.kept += 1
            return True
        refused.left_out += 1
        return False


def _key(record: Record) -> _Key | None:
    """Who was refused, and why; None for whatever is recorded each time."""
    agent = record.agent
    if record.reason != _TOO_OFTEN:
        return None
    if agent.subject:
        return _TOO_OFTEN, agent.subject, agent.client or ""
    return _TOO_OFTEN, network(record.origin.address or "")


def _told(refused: _Refused) -> Record:
    first = refused.first
    reason = f"{first.reason}, {refused.left_out} more"
    origin = Origin(first.origin.address)
    return Record(first.kind, first.action, first.outcome, first.agent, origin, reason=reason)
