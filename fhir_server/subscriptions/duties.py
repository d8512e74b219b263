"""What whoever leads does beside numbering: each duty by itself, so that one that fails delays nothing else.

docs/adr/0023-change-log.md, "Upkeep"
"""

from collections.abc import Awaitable, Callable

import structlog

from fhir_server.store.subscriptions.cursor import LeaseLost


class Duties:
    """Remembers which of them fail, by name: it is said once, and again when it happens anew."""

    def __init__(self) -> None:
        self._failing = set[str]()
        self._log = structlog.get_logger()

    async def do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does the work, or says that it failed and will be tried again. Raises LeaseLost alone."""
        try:
            await work()
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up what tells everybody of changes
            if name not in self._failing:
                self._log.error("a duty of subscriptions failed", exc_info=error)
            self._failing.add(name)
        else:
            self._failing.discard(name)
