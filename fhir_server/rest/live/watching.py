"""From who wants to watch a patient to a watcher that is told.

docs/live.md
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fhir_server.audit.record import Record
from fhir_server.errors import NotFound
from fhir_server.interactions.read import read
from fhir_server.rest.call import House
from fhir_server.rest.live.hub import Hub
from fhir_server.rest.live.watcher import Watcher, rights
from fhir_server.rest.streams.callers import Caller
from fhir_server.rest.streams.stream import Stream
from smart_auth.principal import Principal

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants to watch which patient, from where on, and what the audit kept of that."""

    patient: str
    base: str
    after: str | None
    caller: Caller
    record: Record


async def check_patient(house: House, principal: Principal, id: str) -> None:
    """Nothing, when there is such a Patient whom the caller may read; raises NotFound, Gone, Forbidden."""
    access = rights(principal).patients
    if not _ID.fullmatch(id):
        raise NotFound(f"{id[:80]!r} is not the id of a Patient.")
    await read(house.database, "Patient", id, access)


@asynccontextmanager
async def watched(house: House, hub: Hub, kind: str, wanted: Wanted) -> AsyncIterator[Watcher]:
    """A watcher who is told what happens while the block runs; raises TooCostly, Unavailable."""

    def beat() -> bytes:
        return hub.heartbeat(watcher)

    with house.streams.opened(kind, beat=beat, caller=wanted.caller, record=wanted.record) as stream:
        watcher = watching(hub, stream, wanted)
        async with hub.watching(watcher):
            yield watcher


def watching(hub: Hub, stream: Stream, wanted: Wanted) -> Watcher:
    """The watcher that `stream` becomes."""
    resumes, lost = hub.asked(wanted.after)
    return Watcher(stream, wanted.patient, wanted.base, resumes, lost)
