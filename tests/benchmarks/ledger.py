"""When each reading was sent, answered, and there for whom it was awaited.

docs/performance.md, "Subscriptions"
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks.driver import Load

_KEY: Final = re.compile(rb'"(?:effectiveDateTime|timestamp)": ?"([^"]{23})')
"""A reading is told from every other by the moment at which it says it was measured."""


@dataclass(slots=True)
class Ledger:
    """Moments of this process's own clock, in seconds, by the key of a reading; `missed` counts what clients were told they missed."""

    sent: dict[bytes, float] = field(default_factory=dict)
    answered: dict[bytes, float] = field(default_factory=dict)
    arrived: list[tuple[bytes, float]] = field(default_factory=list)
    missed: int = 0

    def arrive(self, text: bytes) -> None:
        """Nothing; every reading of this ledger that is named in the text has arrived now."""
        now = time.perf_counter()
        self.arrived.extend((key, now) for key in _KEY.findall(text) if key in self.sent)

    async def settled(self, expected: int, patience: float = 10) -> None:
        """Returns when so many arrived, or after `patience` without any."""
        before, since = -1, time.monotonic()
        while len(self.arrived) < expected and time.monotonic() - since < patience:
            if len(self.arrived) != before:
                before, since = len(self.arrived), time.monotonic()
            await asyncio.sleep(0.05)

    def after_request(self) -> Load:
        """How long after its request was begun each reading arrived: longer than since its commit."""
        return self._after(self.sent)

    def after_answer(self) -> Load:
        """How long after its answer was read each reading arrived, which it may have before: shorter than since its commit."""
        return self._after(self.answered)

    def answers(self) -> Load:
        """How long each request took, which is a part of `after_request`."""
        return Load(latencies=[at - self.sent[key] for key, at in self.answered.items()])

    def _after(self, moments: dict[bytes, float]) -> Load:
        load = Load(latencies=[at - moments[key] for key, at in self.arrived])
        load.seconds = max((at for _, at in self.arrived), default=1) - min(self.sent.values(), default=0)
        return load
