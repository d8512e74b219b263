"""Signatures seen in the last minutes and what they were answered, so that a copy gets the same answer.

docs/adr/0009-device-authentication.md, "Replays"
"""

import asyncio
from typing import Final

from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach
from ingest.device_auth import WINDOW
from ingest.errors import Unavailable
from ingest.ports import Answer

LEASE_SECONDS: Final = 5.0
"""How long a copy waits for the first request's answer before it takes over, as its worker may be dead."""

KEEP_SECONDS: Final = 2 * WINDOW + 10
"""A time stamp may lie one window ahead and is good for one window after."""

_POLL_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1)

_CLAIM: Final = """
INSERT INTO seen_request AS seen (device, signature, claimed_until, expires_at)
VALUES (%s, %s, clock_timestamp() + %s * interval '1 second', clock_timestamp() + %s * interval '1 second')
ON CONFLICT (device, signature) DO UPDATE SET claimed_until = excluded.claimed_until
WHERE seen.status IS NULL AND seen.claimed_until < clock_timestamp()
"""
_READ: Final = "SELECT status, body FROM seen_request WHERE device = %s AND signature = %s"
_ANSWERED: Final = """
UPDATE seen_request SET status = %s, body = %s WHERE device = %s AND signature = %s AND status IS NULL
"""
_RELEASE: Final = "DELETE FROM seen_request WHERE device = %s AND signature = %s AND status IS NULL"
_PRUNE: Final = "DELETE FROM seen_request WHERE expires_at < clock_timestamp()"


class SeenSignatures:
    """Implements `ingest.ports.SeenRequests`.

    The first to insert the signature answers it. A copy reads until the answer is there; when none comes within the
    lease it becomes the first itself, which is harmless since equal readings have equal identities.
    """

    def __init__(self, database: Database, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._lease_seconds = lease_seconds

    async def claim(self, device: int, signature: bytes) -> Answer | None:
        """None when the caller is to answer, else the answer that the first copy got."""
        attempt, waited = 0, 0.0
        while waited <= 2 * self._lease_seconds + 1:
            if await self._claimed(device, signature):
                return None
            answer = await self._answer(device, signature)
            if answer is not None:
                return answer
            pause = _POLL_SECONDS[min(attempt, len(_POLL_SECONDS) - 1)]
            await asyncio.sleep(pause)
            attempt, waited = attempt + 1, waited + pause
        raise Unavailable

    async def answered(self, device: int, signature: bytes, answer: Answer) -> None:
        """Keep the answer; the first one stands."""
        await self._execute(_ANSWERED, answer.status, answer.body, device, signature)

    async def release(self, device: int, signature: bytes) -> None:
        """Forget a claim that was not answered."""
        await self._execute(_RELEASE, device, signature)

    async def prune(self) -> None:
        """Forget what no valid time stamp can repeat any more."""
        await self._execute(_PRUNE)

    async def _claimed(self, device: int, signature: bytes) -> bool:
        return await self._execute(_CLAIM, device, signature, self._lease_seconds, KEEP_SECONDS) == 1

    async def _answer(self, device: int, signature: bytes) -> Answer | None:
        async with reach(self._database) as connection:
            row = await (await connection.execute(_READ, (device, signature))).fetchone()
        return Answer(row[0], row[1]) if row is not None and row[0] is not None else None

    async def _execute(self, statement: str, *parameters: object) -> int:
        async with reach(self._database) as connection:
            return (await connection.execute(statement, parameters)).rowcount
