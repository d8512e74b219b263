"""One stream: what waits to be sent, bounded, and how it ends.

https://html.spec.whatwg.org/multipage/server-sent-events.html; docs/adr/0025-streams.md
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from fhir_server.audit.record import Record
from fhir_server.rest.streams.callers import Caller

Ending: TypeAlias = Literal["client", "done", "error", "patient", "refused", "shutdown", "slow", "token"]
"""The client left; there is nothing more to come; a failure; the Patient is no longer to be seen; the client said what is not
understood; the server stops; the client does not read; its token ended or was revoked."""

MOST_PARTS: Final = 256
MOST_BYTES: Final = 256_000


class Stream:
    """What one client is sent. Whoever produces it offers parts, and never waits for a client that does not read.

    `beat` makes what is sent when nothing else was for a while; `hang_up` drops the connection with all that waits in it.
    """

    __slots__ = (
        "_bytes", "_drained", "_more", "_parts", "beat", "caller", "ended_at", "ending", "hang_up", "kind", "record",
        "sent_at", "taken_at",
    )  # fmt: skip

    def __init__(self, kind: str, beat: Callable[[], bytes], hang_up: Callable[[], None] | None) -> None:
        self.kind = kind
        self.beat = beat
        self.hang_up = hang_up
        self.caller: Caller | None = None
        self.record: Record | None = None
        """What the audit kept of its beginning."""
        self.ending: Ending | None = None
        self.ended_at = 0.0
        self.sent_at = self.taken_at = time.monotonic()
        self._parts: list[bytes] = []
        self._bytes = 0
        self._more = asyncio.Event()
        self._drained = asyncio.Event()

    def offer(self, part: bytes) -> bool:
        """Whether `part` is to be sent: not beyond the bounds, and not after the end."""
        if self.ending is not None:
            return False
        if self._parts and (len(self._parts) >= MOST_PARTS or self._bytes + len(part) > MOST_BYTES):
            return False
        self._parts.append(part)
        self._bytes += len(part)
        self._drained.clear()
        self._more.set()
        return True

    async def put(self, part: bytes) -> None:
        """Nothing, once `part` is to be sent, or the stream is over: waits until there is room."""
        while not self.offer(part) and self.ending is None:
            await self.drained()

    def end(self, reason: Ending) -> None:
        """Nothing; what waits is not sent any more, and the first reason counts."""
        if self.ending is None:
            self.ending = reason
            self.ended_at = time.monotonic()
            self._parts.clear()
            self._more.set()
            self._drained.set()

    async def taken(self) -> list[bytes]:
        """What waits to be sent, once there is something; nothing at all after the end. For the one who sends it."""
        self.taken_at = time.monotonic()
        if not self._parts:
            self._drained.set()
            self._more.clear()
            if self.ending is None:
                await self._more.wait()
        parts, self._parts, self._bytes = self._parts, [], 0
        self.sent_at = self.taken_at = time.monotonic()
        return parts

    async def drained(self) -> None:
        """Returns when nothing waits: the connection took it all, or the stream has ended."""
        if self.ending is None and (self._parts or not self._drained.is_set()):
            await self._drained.wait()

    @property
    def waits(self) -> bool:
        """Whether something waits for the client to read."""
        return bool(self._parts)
