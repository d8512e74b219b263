"""The records of the entries of a batch or transaction, one for each beside that of the whole.

https://hl7.org/fhir/R4/http.html#transaction; docs/adr/0019-audit.md
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fhir_server.audit.record import Record, outcome
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import RequestError
from fhir_server.interactions.bundle.change import Ended, Outcome
from fhir_server.outcomes import failure
from fhir_server.rest.answer import About, Answer
from fhir_server.rest.audited import record
from fhir_server.rest.bundle_entries import Entry
from fhir_server.rest.call import Call
from fhir_server.rest.resource_answer import about

_ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"GET": "read", "HEAD": "read", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
)


def record_read(call: Call, answer: Answer) -> None:
    """Nothing; what an entry read, or did without a write of its own, is to be kept."""
    call.trail.further.append(record(call.request, call.target, call.trail, answer.status, answer.about))


def record_error(call: Call, entry: Entry, error: Exception) -> None:
    """Nothing; that an entry of the Bundle in `call` failed is to be kept."""
    status = failure(error).status
    if entry.call is not None:
        found = record(entry.call.request, entry.call.target, call.trail, status)
    else:
        found = _not_understood(call, entry, status)
    call.trail.further.append(found)


def record_failed(call: Call, found: Sequence[Entry], error: RequestError) -> None:
    """Nothing; that a transaction failed is to be kept for each of its entries, for its own reason where it has one."""
    call.trail.further.clear()  # what was read in it was told to nobody
    for entry in found:
        record_error(call, entry, entry.error or error)


def record_writes(call: Call, found: Sequence[Entry], outcomes: Mapping[int, Outcome]) -> None:
    """Nothing; what came of writes is to be kept, as far as that was not done with the writes themselves."""
    for number, came in outcomes.items():
        entry = found[number]
        if isinstance(came, Exception):
            record_error(call, entry, came)
            continue
        version = came.version
        if entry.call is None or (
            version is not None and call.trail.has(version.type, version.id, version.version)
        ):
            continue
        status = 204 if isinstance(came, Ended) else 200
        there: About | None = None if version is None else about(version)
        call.trail.further.append(record(entry.call.request, entry.call.target, call.trail, status, there))


def _not_understood(call: Call, entry: Entry, status: int) -> Record:
    """The record of an entry that was refused before it was a request: its method, type and id, as far as they are those."""
    method, _, url = entry.label.partition(" ")
    type, _, rest = url.partition("?")[0].partition("/")
    known = type in RESOURCE_TYPES
    id = rest.partition("/")[0] if known else ""
    return Record(
        "rest",
        _ACTIONS.get(method, "operation"),
        outcome(status),
        call.trail.agent,
        call.trail.origin,
        type if known else "",
        id[:64],
        reason=str(status),
    )
