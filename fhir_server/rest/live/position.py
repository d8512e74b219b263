"""Where a client of the live view is: a position in the change log that any process can go on from.

https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header

It says nothing to whoever has it, and opens nothing: what comes after it is judged as everything is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from fhir_server.search.seal import Foreign, Seal, Unreadable

_PLACE: Final = "live"
_LONGEST: Final = 4_000


class Position(NamedTuple):
    """The snapshot up to which everything was told, and when that was."""

    snapshot: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions as clients keep them: sealed with a key that all processes share."""

    key: bytes

    def text(self, position: Position) -> str:
        """The position for a client."""
        return self._seal.close(f"{int(position.at.timestamp())} {position.snapshot}".encode())

    def read(self, text: str) -> Position | None:
        """The position in `text`; None for what was not given by this server."""
        if len(text) > _LONGEST or not text.isascii():
            return None
        try:
            at, snapshot = self._seal.open(text).decode().split(" ")
        except (Unreadable, Foreign):
            return None
        return Position(snapshot, datetime.fromtimestamp(int(at), UTC))

    @property
    def _seal(self) -> Seal:
        return Seal(self.key, "", _PLACE)


def xmax(snapshot: str) -> int:
    """The first number that no transaction had been given at the snapshot."""
    return int(snapshot.split(":")[1])
