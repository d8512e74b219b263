"""One client of the live view: which patient they watch, what they may see of them, and what they have missed.

docs/live.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fhir_server.errors import Forbidden
from fhir_server.json import JsonObject
from fhir_server.rest.live import told
from fhir_server.rest.live.position import Position
from fhir_server.rest.streams.stream import Stream
from fhir_server.search.access import predicate
from fhir_server.store.predicate import Predicate
from smart_auth.principal import Principal


@dataclass(frozen=True, slots=True, eq=False)
class Rights:
    """What a caller may see, as predicates; `devices` and the uses of these are None where their scopes show none.

    Those with the same `key` see the same.
    """

    key: str
    observations: Predicate
    patients: Predicate
    devices: Predicate | None
    uses: Predicate | None


@lru_cache(maxsize=4096)
def rights(principal: Principal) -> Rights:
    """What the caller may see now; raises Forbidden without the scopes for Observation and Patient."""
    observations = predicate(principal, "Observation", "search")
    patients = predicate(principal, "Patient", "read")
    devices, uses = _perhaps(principal, "Device"), _perhaps(principal, "DeviceUseStatement")
    every = (observations, patients, devices, uses)
    key = repr([one and (one.sql, one.params) for one in every])
    return Rights(key, observations, patients, devices, uses)


def _perhaps(principal: Principal, resource_type: str) -> Predicate | None:
    try:
        return predicate(principal, resource_type, "search")
    except Forbidden:
        return None


@dataclass(slots=True, eq=False)
class Watcher:
    """A stream about one patient. `base` is the address of `/fhir` as this client sees it.

    `resumes` is where it wants to go on from, or None; `devices` are the states it was told last, None before the first.
    """

    stream: Stream
    patient: str
    base: str
    resumes: Position | None = None
    lost: bool = False
    """Where it wants to go on from cannot be read any more."""
    devices: Mapping[str, JsonObject] | None = None
    already: frozenset[tuple[int, int]] = frozenset()
    """Versions, by row and number, that it was told while it caught up."""
    behind: datetime | None = None
    """When the first was written of what it missed since it was told last."""

    def tell(self, parts: Sequence[bytes], written: datetime) -> bool:
        """Whether the parts are offered; where there is no room for all, what is missed is noted, to be told later."""
        if not self.is_late and all(map(self.stream.offer, parts)):
            return True
        self.miss(written)
        return False

    def miss(self, written: datetime) -> None:
        """Nothing; what was written since then has to be searched for."""
        self.behind = written if self.behind is None else min(self.behind, written)

    @property
    def is_late(self) -> bool:
        """Whether there is something that it missed and was not told of."""
        return self.lost or self.behind is not None

    def catch_up(self) -> bool:
        """Whether nothing is missed: a client that has read all that waited is told how to find what it was not sent."""
        if self.stream.waits and self.stream.ending is None:
            return False
        form = told.FORMS[self.stream.kind]
        self.stream.offer(form("missed", told.missed(self.base, self.patient, self.behind), ""))
        self.behind, self.lost, self.devices = None, False, None
        return True
