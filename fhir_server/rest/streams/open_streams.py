"""The streams that are open in this process: how many, for whom, whether their callers may stay, and their end.

docs/adr/0025-streams.md
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from fhir_server.audit.port import Audit
from fhir_server.audit.record import Record
from fhir_server.errors import RequestError, TooCostly, Unavailable
from fhir_server.rest import metrics
from fhir_server.rest.streams.callers import Caller, Callers
from fhir_server.rest.streams.stream import Ending, Stream
from smart_auth.principal import Principal

BEAT_SECONDS: Final = 15.0
CHECK_SECONDS: Final = 2.0
STALLED_SECONDS: Final = 60.0
HANG_UP_SECONDS: Final = 1.0
"""How long the last words of a stream that has ended may take to go out."""
STRANGERS: Final = 10
"""Of so many streams at most one is of a client that has yet to prove who they are: they keep nobody else out."""
STRANGERS_OF_ADDRESS: Final = 4
"""Of so many of those at most one is of one address, so that it keeps no other stranger out."""
LAST_SECONDS: Final = 2.0
"""How long a server that stops tries to record the ends of its last streams."""
_TICK_SECONDS: Final = 0.5


class Streams:
    """Lets in `most` streams, and `most_each` of one caller; watches over them while `run` runs."""

    def __init__(self, callers: Callers, audit: Audit, *, most: int, most_each: int) -> None:
        self.callers = callers
        self._audit = audit
        self._most = most
        self._most_each = most_each
        self._open: set[Stream] = set()
        self._of_caller: Counter[str] = Counter()
        self._strangers: dict[Stream, str] = {}
        self._ended: list[Record] = []
        self._stops = False
        self._checked_at = 0.0

    @contextmanager
    def opened(
        self,
        kind: str,
        *,
        beat: Callable[[], bytes],
        caller: Caller | None = None,
        address: str = "",
        record: Record | None = None,
        hang_up: Callable[[], None] | None = None,
    ) -> Iterator[Stream]:
        """A stream, open until the block ends; its end is recorded as its beginning was, by `record`.

        Without a `caller` it is of a stranger at `address`, until it `belongs` to somebody.
        Raises TooCostly beyond the bounds, Unavailable when the server is about to stop.
        """
        self.refuse_more(caller, address)
        stream = Stream(kind, beat, hang_up)
        stream.record = record
        self._open.add(stream)
        self._strangers[stream] = address
        metrics.STREAMS.labels(kind).inc()
        try:
            if caller is not None:
                self.belongs(stream, caller)
            yield stream
        finally:
            stream.end("client")
            self._closed(stream)

    def refuse_more(self, caller: Caller | None, address: str = "") -> None:
        """Nothing; raises TooCostly when there may be no more streams, or no more of the caller or of strangers at the address.

        Raises Unavailable at the end.
        """
        if self._stops:
            raise Unavailable("The server is about to stop. Connect again.", retry_after=1)
        strangers = max(1, self._most // STRANGERS)
        if caller is None and self._strangers_of(address) >= max(1, strangers // STRANGERS_OF_ADDRESS):
            raise TooCostly(
                "Too many streams of your address have yet to say who they are. Try again in a moment.",
                retry_after=1,
            )
        is_full = caller is None and len(self._strangers) >= strangers
        if is_full or len(self._open) >= self._most:
            raise TooCostly("The server is at its limit of streams. Try again later.", retry_after=30)
        if caller is not None and self._of_caller[caller.key] >= self._most_each:
            raise TooCostly(
                f"You have {self._most_each} streams open here, which is the most. Close some.",
                retry_after=30,
            )

    def belongs(self, stream: Stream, caller: Caller) -> None:
        """Nothing: the stream counts for `caller` from here on; raises TooCostly when they have too many."""
        before = stream.caller
        if before is None or before.key != caller.key:
            if self._of_caller[caller.key] >= self._most_each:
                raise TooCostly(
                    f"You have {self._most_each} streams open here, which is the most. Close some.",
                    retry_after=30,
                )
            self._left(before)
            self._of_caller[caller.key] += 1
        stream.caller = caller
        self._strangers.pop(stream, None)

    async def standing(self, streams: Collection[Stream]) -> dict[Stream, Principal]:
        """Those of `streams` whose callers may still be there, with the rights of now; the others are ended.

        To be asked before anything is sent. Raises Unavailable.
        """
        held = {one: one.caller for one in streams if one.ending is None and one.caller is not None}
        known = await self.callers.standing(set(held.values()))
        found = {}
        for stream, caller in held.items():
            if caller in known:
                found[stream] = known[caller]
            elif stream.caller is caller:  # not one who showed another token meanwhile
                stream.end("token")
        return found

    def end(self, reason: Ending = "shutdown") -> None:
        """Nothing: every stream ends, and there will be no other."""
        self._stops = True
        for stream in self._open:
            stream.end(reason)

    async def run(self) -> None:
        """Never returns: sends heartbeats, ends what is to end, and has ends recorded."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            self.look(now)
            if now - self._checked_at >= CHECK_SECONDS:
                self._checked_at = now
                with suppress(RequestError):  # asked again soon; nothing is sent without being asked for
                    await self.standing(list(self._open))
            with suppress(RequestError):  # kept until it can be
                await self.record()

    def look(self, now: float) -> None:
        """Nothing; heartbeats are sent where it is time, and clients given up that do not read."""
        for stream in self._open:
            _watch(stream, now)

    async def record(self) -> None:
        """Nothing, once the ends of streams are recorded; raises Unavailable."""
        if self._ended:
            ended, self._ended = self._ended, []
            try:
                await self._audit.keep(ended)
            except BaseException:
                self._ended[:0] = ended
                raise

    async def close(self) -> None:
        """Nothing is open any more, and what could be recorded in a moment is."""
        self.end()
        with suppress(RequestError, TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self.record()

    def _closed(self, stream: Stream) -> None:
        self._open.discard(stream)
        self._strangers.pop(stream, None)
        self._left(stream.caller)
        metrics.STREAMS.labels(stream.kind).dec()
        metrics.STREAMS_ENDED.labels(stream.kind, stream.ending or "done").inc()
        if stream.record is not None and self._audit.keeps:
            name = f"{stream.record.name} ended".strip()
            self._ended.append(stream.record._replace(name=name, parameters=(), reason=stream.ending or ""))

    def _strangers_of(self, address: str) -> int:
        return sum(one == address for one in self._strangers.values())

    def _left(self, caller: Caller | None) -> None:
        if caller is not None:
            self._of_caller[caller.key] -= 1
            if not self._of_caller[caller.key]:
                del self._of_caller[caller.key]


def _watch(stream: Stream, now: float) -> None:
    """Sends a heartbeat where it is time, and gives up on a client that does not read."""
    if stream.ending is not None:
        if now - stream.ended_at > HANG_UP_SECONDS and stream.hang_up is not None:
            stream.hang_up()
    elif stream.waits and now - stream.taken_at > STALLED_SECONDS:
        stream.end("slow")
    elif not stream.waits and now - stream.sent_at >= BEAT_SECONDS and (beat := stream.beat()):
        stream.offer(beat)
