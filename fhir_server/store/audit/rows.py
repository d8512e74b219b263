"""Records of the audit as rows: what is inserted, and what is read back.

https://hl7.org/fhir/R4/auditevent.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
from psycopg.rows import TupleRow

from fhir_server.audit.record import Agent, Origin, Record
from fhir_server.errors import Unavailable
from fhir_server.ids import uuid7_bytes
from fhir_server.store.arrays import smallints, texts, uuids
from fhir_server.store.ranges import Insert

_INSERT: Final = """
INSERT INTO audit (id, kind, action, outcome, subject, who, type, entity, patient, detail)
SELECT row.id, row.kind, row.action, row.outcome, row.subject, row.who, row.type, row.entity, row.patient, row.detail::json
  FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
    AS row (id, kind, action, outcome, subject, who, type, entity, patient, detail)"""

COLUMNS: Final = "id, kind, action, outcome, subject, who, type, entity, patient, detail::text"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that is kept: under which id, and when that was."""

    id: str
    at: datetime
    record: Record


def inserted(records: Sequence[Record]) -> Insert:
    """The statement that keeps `records`; each gets its id, and with it its time, here."""
    columns = (
        uuids([uuid7_bytes() for _ in records]),
        texts([one.kind.encode() for one in records]),
        texts([one.action.encode() for one in records]),
        smallints([one.outcome for one in records]),
        texts([one.agent.subject.encode() for one in records]),
        texts([_encoded(one.agent.who) for one in records]),
        texts([one.type.encode() for one in records]),
        texts([one.id.encode() for one in records]),
        texts([_encoded(one.patient) for one in records]),
        texts([_detail(one) for one in records]),
    )
    return Insert(_INSERT, columns)


def unkept() -> Unavailable:
    """What is raised when records cannot be kept."""
    return Unavailable(
        "The audit cannot be kept now, and nothing is done without it. Send the request again later."
    )


def kept(row: TupleRow) -> Kept:
    """The record in a row of COLUMNS."""
    id, kind, action, outcome, subject, who, type, entity, patient, text = row
    detail = orjson.loads(text)
    record = Record(
        kind,
        action,
        outcome,
        Agent(subject, detail.get("client"), detail.get("user"), who),
        Origin(detail.get("address"), detail.get("request", "")),
        type,
        entity,
        detail.get("version"),
        patient,
        detail.get("name", ""),
        tuple(detail.get("types", ())),
        tuple(detail.get("parameters", ())),
        detail.get("reason", ""),
        detail.get("events", ""),
        detail.get("destination", ""),
    )
    return Kept(str(id), moment(id), record)


def moment(id: UUID) -> datetime:
    """When the id was made, to the millisecond."""
    milliseconds = id.int >> 80
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def first_id(at: datetime) -> UUID:
    """What no id made at `at` or later lies below, and every earlier one does."""
    milliseconds = -((_EPOCH - at) // _MILLISECOND)
    return UUID(int=max(0, milliseconds) << 80)


def _encoded(text: str | None) -> bytes | None:
    return text.encode() if text else None


def _detail(one: Record) -> bytes:
    """What is not searched for, as JSON; what is empty is left out."""
    found = {
        "address": one.origin.address,
        "request": one.origin.request_id,
        "client": one.agent.client,
        "user": one.agent.user,
        "version": one.version,
        "name": one.name,
        "types": one.types,
        "parameters": one.parameters,
        "reason": one.reason,
        "events": one.events,
        "destination": one.destination,
    }
    return orjson.dumps({name: value for name, value in found.items() if value})
