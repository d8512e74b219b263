"""Which signed requests may go on: within the device's rate, and the first of its copies; each shows the device alive.

docs/adr/0009-device-authentication.md, "Replays" and "Rates"
"""

import asyncio
import math
from typing import Final

from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach
from ingest.device_auth import WINDOW
from ingest.errors import RateLimited, Unavailable
from ingest.ports import Answer

LEASE_SECONDS: Final = 5.0
"""How long a copy waits for the first request's answer before it takes over, as its worker may be dead."""

KEEP_SECONDS: Final = 2 * WINDOW + 10
"""A time stamp may lie one window ahead and is good for one window after."""

SEEN_SECONDS: Final = 30
"""That a device was seen is written at most this often."""

_POLL_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1)

_FILLED: Final = """
least(%(burst)s, b.tokens + %(rate)s * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)))
"""
_CLAIMANT: Final = """
%(device)s, %(signature)s, clock_timestamp() + %(lease)s * interval '1 second',
clock_timestamp() + %(keep)s * interval '1 second'
"""
_OR_TAKE_OVER: Final = """
ON CONFLICT (device, signature) DO UPDATE SET claimed_until = excluded.claimed_until
WHERE seen.status IS NULL AND seen.claimed_until < clock_timestamp()
RETURNING 1
"""
_TAKEN: Final = f"""
taken AS (
    INSERT INTO device_rate AS b (device, tokens, filled_at) VALUES (%(device)s, %(burst)s - 1, clock_timestamp())
    ON CONFLICT (device) DO UPDATE SET tokens = {_FILLED} - 1, filled_at = clock_timestamp() WHERE {_FILLED} >= 1
    RETURNING 1
)
"""
_SEEN_AGAIN: Final = f"""
seen_again AS (
    UPDATE device SET last_seen_at = clock_timestamp()
    WHERE key = %(device)s
      AND (last_seen_at IS NULL OR last_seen_at < clock_timestamp() - interval '{SEEN_SECONDS} seconds')
)
"""
_LIMIT: Final = f"WITH {_TAKEN}, {_SEEN_AGAIN} SELECT EXISTS (SELECT FROM taken)"
_ADMIT: Final = f"""
WITH {_TAKEN}, claimed AS (
    INSERT INTO seen_request AS seen (device, signature, claimed_until, expires_at)
    SELECT {_CLAIMANT} FROM taken {_OR_TAKE_OVER}
), {_SEEN_AGAIN}
SELECT EXISTS (SELECT FROM taken), EXISTS (SELECT FROM claimed)
"""
_CLAIM: Final = f"""
INSERT INTO seen_request AS seen (device, signature, claimed_until, expires_at) SELECT {_CLAIMANT} {_OR_TAKE_OVER}
"""
_READ: Final = """
SELECT status, body FROM seen_request WHERE device = %(device)s AND signature = %(signature)s AND status IS NOT NULL
"""
_ANSWERED: Final = """
UPDATE seen_request SET status = %(status)s, body = %(body)s
WHERE device = %(device)s AND signature = %(signature)s AND status IS NULL
"""
_RELEASE: Final = """
DELETE FROM seen_request WHERE device = %(device)s AND signature = %(signature)s AND status IS NULL
"""
_PRUNE: Final = "DELETE FROM seen_request WHERE expires_at < clock_timestamp()"


class DeviceAdmissions:
    """Implements `ingest.ports.Admissions`: a token bucket per device and the signatures of the last minutes.

    The first to insert a signature answers it. A copy reads until the answer is there; when none comes within the
    lease it becomes the first itself, which is harmless since equal readings have equal identities.
    """

    def __init__(
        self, database: Database, *, rate: float, burst: int, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._database = database
        self._limits = {
            "rate": float(rate),
            "burst": float(burst),
            "lease": lease_seconds,
            "keep": KEEP_SECONDS,
        }
        self._lease_seconds = lease_seconds
        self._wait = max(1, math.ceil(1 / rate))

    async def admit(self, device: int, signature: bytes) -> Answer | None:
        """None when the caller is to answer, else the answer that the first copy got; raises RateLimited."""
        request: dict[str, object] = {"device": device, "signature": signature}
        async with reach(self._database) as connection:
            row = await (await connection.execute(_ADMIT, request | self._limits)).fetchone()
        assert row is not None
        in_rate, claimed = row
        if not in_rate:
            raise RateLimited(self._wait)
        return None if claimed else await self._copied(request)

    async def limit(self, device: int) -> None:
        """Nothing, for a request without a signature; raises RateLimited."""
        async with reach(self._database) as connection:
            row = await (await connection.execute(_LIMIT, {"device": device} | self._limits)).fetchone()
        if row != (True,):
            raise RateLimited(self._wait)

    async def answered(self, device: int, signature: bytes, answer: Answer) -> None:
        """Keep the answer; the first one stands."""
        request = {"device": device, "signature": signature, "status": answer.status, "body": answer.body}
        await self._execute(_ANSWERED, request)

    async def release(self, device: int, signature: bytes) -> None:
        """Forget a claim that was not answered."""
        await self._execute(_RELEASE, {"device": device, "signature": signature})

    async def prune(self) -> None:
        """Forget what no valid time stamp can repeat any more."""
        await self._execute(_PRUNE, {})

    async def _copied(self, request: dict[str, object]) -> Answer | None:
        """The first copy's answer once it is there, None when the caller took over; raises Unavailable."""
        attempt, waited = 0, 0.0
        while waited <= 2 * self._lease_seconds + 1:
            async with reach(self._database) as connection:
                row = await (await connection.execute(_READ, request)).fetchone()
            if row is not None:
                return Answer(*row)
            if await self._execute(_CLAIM, request | self._limits):
                return None
            pause = _POLL_SECONDS[min(attempt, len(_POLL_SECONDS) - 1)]
            await asyncio.sleep(pause)
            attempt, waited = attempt + 1, waited + pause
        raise Unavailable

    async def _execute(self, statement: str, parameters: dict[str, object]) -> int:
        async with reach(self._database) as connection:
            return (await connection.execute(statement, parameters)).rowcount
