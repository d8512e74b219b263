"""An order to stop that comes while a server starts: obeyed at once, or at the next step where Python dropped it.

https://docs.python.org/3/library/signal.html#note-on-signal-handlers-and-exceptions

Python ignores what a signal's handler raises inside a finalizer or a weak reference's callback, and every import ends in
such a callback. So the order is kept as well as raised.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Interruption:
    """Whether this process has been told to stop."""

    told: bool = False

    def obeyed(self) -> None:
        """Nothing; KeyboardInterrupt when this process has been told to stop."""
        if self.told:
            raise KeyboardInterrupt

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        """KeyboardInterrupt, which may get lost."""
        self.told = True
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """A block that an order to stop ends by KeyboardInterrupt, which goes no further; only for the main thread."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption.hear) for number in SIGNALS}
    try:
        yield interruption
    except KeyboardInterrupt:
        if not interruption.told:
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
