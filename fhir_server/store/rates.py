"""How often callers may ask: token buckets that all workers share, from which each takes a portion at a time.

https://www.rfc-editor.org/rfc/rfc6585#section-4; docs/adr/0021-rate-limits.md

A bucket is kept as the moment at which it is full again: there is nothing to fill, and one that is full needs no row.
"""

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from fhir_server.errors import TooCostly
from fhir_server.store.database import Database

MOST_LEASES: Final = 10_000
"""Buckets that a worker remembers something of; what it took from another is lost, which is a portion at most."""

LEAST_PAUSE: Final = 0.1
"""For so many seconds a worker does not ask again for a bucket that was empty, however fast it fills."""

PRUNE_SECONDS: Final = 60.0

_LEFT: Final = """
%(burst)s - %(rate)s * extract(epoch FROM greatest(b.full_at - statement_timestamp(), interval '0'))"""
_TAKEN: Final = f"least(%(portion)s, floor({_LEFT}))"
_TAKE: Final = f"""
INSERT INTO rate_bucket AS b (key, taken, full_at)
VALUES (%(key)s, %(portion)s, statement_timestamp() + %(portion)s / %(rate)s * interval '1 second')
ON CONFLICT (key) DO UPDATE SET
  taken = {_TAKEN},
  full_at = greatest(b.full_at, statement_timestamp()) + {_TAKEN} / %(rate)s * interval '1 second'
WHERE {_LEFT} >= 1
RETURNING taken"""
_PRUNE: Final = "DELETE FROM rate_bucket WHERE full_at < statement_timestamp()"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second, sustained, and `burst` at once; a worker takes `portion` of them for itself at a time."""

    name: str
    per_second: float
    burst: int
    portion: int = 1


def portioned(name: str, per_second: float, burst: int) -> Rate:
    """A rate that costs a statement for a quarter of a second's requests, not for each."""
    return Rate(name, per_second, burst, max(1, min(burst, math.ceil(per_second / 4))))


@dataclass(slots=True)
class _Lease:
    left: int = 0
    empty_until: float = 0.0
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Rates:
    """The buckets of everyone who asks."""

    def __init__(self, database: Database, *, prune_seconds: float = PRUNE_SECONDS) -> None:
        self._database = database
        self._prune_seconds = prune_seconds
        self._leases: OrderedDict[tuple[str, str], _Lease] = OrderedDict()
        self._pruned = time.monotonic()

    async def take(self, rate: Rate, who: str) -> None:
        """Nothing, for one more request of `who`; raises TooCostly beyond the rate, Unavailable."""
        lease = self._lease(rate.name, who)
        if lease.left:
            lease.left -= 1
            return
        async with lease.taking:
            if not lease.left:
                await self._fill(lease, rate, who)
            lease.left -= 1

    async def _fill(self, lease: _Lease, rate: Rate, who: str) -> None:
        """Another portion for the lease; raises TooCostly where there is none, as long without asking as there can be none."""
        if lease.empty_until <= time.monotonic():
            lease.left = await self._taken(rate, who)
            if lease.left:
                return
            lease.empty_until = time.monotonic() + max(LEAST_PAUSE, 1 / rate.per_second)
        raise TooCostly(
            "You ask more often than this server allows. Wait as long as Retry-After says.",
            retry_after=max(1, math.ceil(lease.empty_until - time.monotonic())),
        )

    async def _taken(self, rate: Rate, who: str) -> int:
        """How many of a portion were still there."""
        asked = {
            "key": blake2b(f"{rate.name}|{who}".encode(), digest_size=16).digest(),
            "rate": float(rate.per_second),
            "burst": float(rate.burst),
            "portion": float(rate.portion),
        }
        async with self._database.connection() as connection:
            if time.monotonic() - self._pruned > self._prune_seconds:
                self._pruned = time.monotonic()
                await connection.execute(_PRUNE)
            row = await (await connection.execute(_TAKE, asked)).fetchone()
        return 0 if row is None else int(row[0])

    def _lease(self, name: str, who: str) -> _Lease:
        """What this worker holds of the bucket; forgotten first are those that were asked for the longest ago."""
        key = (name, who)
        lease = self._leases.get(key)
        if lease is None:
            lease = self._leases[key] = _Lease()
            if len(self._leases) > MOST_LEASES:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end(key)
        return lease
