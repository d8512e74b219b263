"""The connections to endpoints, each kept open for a little while after it was used.

https://www.rfc-editor.org/rfc/rfc9112#section-9.3
"""

import time
from collections.abc import Collection
from typing import Final

from fhir_server.outbound import Line, Outbound

# Node, uvicorn and Apache hang up after five: a request that crosses their goodbye is lost, and told a second late
KEPT_SECONDS: Final = 4.0


class Lines:
    """A line for each subscription, by its key; of each one there is only ever one request at a time."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._lines: dict[int, tuple[Line, float]] = {}

    async def to(self, key: int, url: str) -> Line:
        """The line to where `url` leads; raises OutboundError for an address that may not be asked."""
        known = self._lines.get(key)
        if known is not None and not known[0].leads_to(url):
            del self._lines[key]
            await known[0].close()
            known = None
        line = self._outbound.line(url, kept_seconds=KEPT_SECONDS) if known is None else known[0]
        self._lines[key] = (line, time.monotonic())
        return line

    async def sweep(self, busy: Collection[int] = ()) -> None:
        """Closes those that were not used for a while, but for those of `busy` subscriptions."""
        before = time.monotonic() - KEPT_SECONDS
        for key in [key for key, (_, used) in self._lines.items() if used < before and key not in busy]:
            line, _ = self._lines.pop(key)
            await line.close()

    async def close(self) -> None:
        """Closes all of them."""
        while self._lines:
            _, (line, _) = self._lines.popitem()
            await line.close()
