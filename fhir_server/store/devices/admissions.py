"""Which signed requests may go on: within the device's rate, and the first of its copies; each shows the device alive.

docs/adr/0009-device-authentication.md, "Replays" and "Rates"
"""

import asyncio
import math
from collections.abc import Sequence
from typing import Final, TypeAlias

from fhir_server.store.arrays import bigints, byteas, smallints
from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach, reached
from fhir_server.store.gathering import Gathering
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
device, signature, clock_timestamp() + %(lease)s * interval '1 second',
clock_timestamp() + %(keep)s * interval '1 second'
"""
_OR_TAKE_OVER: Final = """
ON CONFLICT (device, signature) DO UPDATE SET claimed_until = excluded.claimed_until
WHERE seen.status IS NULL AND seen.claimed_until < clock_timestamp()
RETURNING device
"""
# devices in one order, and a device's rate before anything else of it: two statements cannot wait for each other; that a
# device was seen is worth no wait for the disk, and the other tables are lost in a crash in any case
_ADMIT: Final = f"""
WITH asked AS MATERIALIZED (
    SELECT one.* FROM unnest(%(devices)b, %(signatures)b) AS one (device, signature),
                      (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
), taken AS (
    INSERT INTO device_rate AS b (device, tokens, filled_at)
    SELECT device, %(burst)s - 1, clock_timestamp() FROM asked ORDER BY device
    ON CONFLICT (device) DO UPDATE SET tokens = {_FILLED} - 1, filled_at = clock_timestamp() WHERE {_FILLED} >= 1
    RETURNING device
), claimed AS (
    INSERT INTO seen_request AS seen (device, signature, claimed_until, expires_at)
    SELECT {_CLAIMANT} FROM asked JOIN taken USING (device) WHERE signature IS NOT NULL {_OR_TAKE_OVER}
), seen_again AS (
    UPDATE device SET last_seen_at = clock_timestamp()
    WHERE key = ANY(%(devices)b)
      AND (last_seen_at IS NULL OR last_seen_at < clock_timestamp() - interval '{SEEN_SECONDS} seconds')
)
SELECT device, taken.device IS NOT NULL, claimed.device IS NOT NULL
FROM asked LEFT JOIN taken USING (device) LEFT JOIN claimed USING (device)
"""
_CLAIM: Final = f"""
INSERT INTO seen_request AS seen (device, signature, claimed_until, expires_at)
SELECT {_CLAIMANT} FROM (SELECT %(device)s AS device, %(signature)s AS signature) AS one {_OR_TAKE_OVER}
"""
_READ: Final = """
SELECT status, body FROM seen_request WHERE device = %(device)s AND signature = %(signature)s AND status IS NOT NULL
"""
_ANSWERED: Final = f"""
INSERT INTO seen_request AS seen (device, signature, claimed_until, expires_at, status, body)
SELECT {_CLAIMANT}, status, body
FROM unnest(%(devices)b, %(signatures)b, %(statuses)b, %(bodies)b) AS one (device, signature, status, body)
ON CONFLICT (device, signature) DO UPDATE SET status = excluded.status, body = excluded.body
WHERE seen.status IS NULL
"""
_RELEASE: Final = """
DELETE FROM seen_request WHERE device = %(device)s AND signature = %(signature)s AND status IS NULL
"""
_PRUNE: Final = "DELETE FROM seen_request WHERE expires_at < clock_timestamp()"

_Request: TypeAlias = tuple[int, bytes | None]
"""The device, and what it signed with."""

_Verdict: TypeAlias = tuple[bool, bool]
"""Whether the request is within the device's rate, and whether it is the first of its copies."""


class DeviceAdmissions:
    """Implements `ingest.ports.Admissions`: a token bucket per device and the signatures of the last minutes.

    The first to insert a signature answers it. A copy reads until the answer is there; when none comes within the
    lease it becomes the first itself, which is harmless since equal readings have equal identities.
    """

    def __init__(
        self, database: Database, *, rate: float, burst: int, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._database = database
        self._limits: dict[str, object] = {
            "rate": float(rate),
            "burst": float(burst),
            "lease": lease_seconds,
            "keep": KEEP_SECONDS,
        }
        self._lease_seconds = lease_seconds
        self._wait = max(1, math.ceil(1 / rate))
        self._asking: Gathering[_Request, _Verdict] = Gathering(self._admit, writers=1)
        self._answers: Gathering[tuple[_Request, Answer], None] = Gathering(self._keep, writers=1)

    async def admit(self, device: int, signature: bytes) -> Answer | None:
        """None when the caller is to answer, else the answer that the first copy got; raises RateLimited."""
        claimed = await self._claimed((device, signature))
        return None if claimed else await self._copied({"device": device, "signature": signature})

    async def limit(self, device: int) -> None:
        """Nothing, for a request without a signature; raises RateLimited."""
        await self._claimed((device, None))

    async def answered(self, device: int, signature: bytes, answer: Answer) -> None:
        """Keep the answer; the first one stands."""
        with reached():
            await self._answers.add(((device, signature), answer))

    async def release(self, device: int, signature: bytes) -> None:
        """Forget a claim that was not answered."""
        await self._execute(_RELEASE, {"device": device, "signature": signature})

    async def prune(self) -> None:
        """Forget what no valid time stamp can repeat any more."""
        await self._execute(_PRUNE, {})

    async def _claimed(self, request: _Request) -> bool:
        """Whether it is the first of its copies; raises RateLimited."""
        with reached():
            in_rate, claimed = await self._asking.add(request)
        if not in_rate:
            raise RateLimited(self._wait)
        return claimed

    async def _admit(self, requests: Sequence[_Request]) -> list[_Verdict]:
        """A verdict each, in one statement unless a device has sent twice: each of its requests is to be in its rate."""
        verdicts: dict[int, _Verdict] = {}
        left = dict(enumerate(requests))
        while left:
            numbers = {device: number for number, (device, _) in reversed(left.items())}
            once = [left.pop(number) for number in numbers.values()]
            parameters = self._limits | {
                "devices": bigints([device for device, _ in once]),
                "signatures": byteas([signature for _, signature in once]),
            }
            async with self._database.connection() as connection:
                cursor = await connection.execute(_ADMIT, parameters)
                rows: list[tuple[int, bool, bool]] = await cursor.fetchall()
            verdicts |= {numbers[device]: (in_rate, claimed) for device, in_rate, claimed in rows}
        return [verdicts[number] for number in range(len(requests))]

    async def _keep(self, answers: Sequence[tuple[_Request, Answer]]) -> list[None]:
        each = sorted(dict(answers).items())
        parameters = self._limits | {
            "devices": bigints([device for (device, _), _ in each]),
            "signatures": byteas([signature for (_, signature), _ in each]),
            "statuses": smallints([answer.status for _, answer in each]),
            "bodies": byteas([answer.body for _, answer in each]),
        }
        async with self._database.connection() as connection:
            await connection.execute(_ANSWERED, parameters)
        return [None] * len(answers)

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
