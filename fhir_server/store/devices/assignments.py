"""Which patient a registered device is used on, kept in step with the DeviceUseStatements that say so.

https://hl7.org/fhir/R4/deviceusestatement.html; docs/adr/0010-device-assignment.md
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Unprocessable
from fhir_server.json import JsonObject, JsonValue

OVERLAP: Final = "device_assignment_overlap"
TYPE: Final = "DeviceUseStatement"

PERIOD: Final = "DeviceUseStatement.timingPeriod"
SUBJECT: Final = "DeviceUseStatement.subject"

_FACTS: Final = frozenset({"active", "completed", "stopped"})
"""Statuses that say the device was used; `intended`, `on-hold` and `entered-in-error` do not."""

_REFERENCE: Final = re.compile(r"(Device|Patient)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_PARTIAL: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")

_FORGET: Final = "DELETE FROM device_assignment WHERE use_id = %s"
_KEEP: Final = """
INSERT INTO device_assignment (use_id, device, patient, period)
SELECT %s, key, %s, tstzrange(%s, %s) FROM device WHERE id = %s
RETURNING upper_inf(period) OR upper(period) > clock_timestamp() + interval '5 minutes'
"""
_DELETED: Final = f"""
SELECT FROM resource WHERE type = {RESOURCE_TYPES["Patient"]} AND id = %s AND deleted
"""


@dataclass(frozen=True, slots=True)
class Use:
    """A device used on a patient in `[start, end)`; None is an open end."""

    device: str
    patient: str
    start: datetime | None
    end: datetime | None


async def maintain(
    connection: psycopg.AsyncConnection[TupleRow],
    type: str,
    id: str,
    tree: JsonObject | None,
    base_url: str = "",
) -> None:
    """The assignment that this version of a resource says, in the version's own transaction; None is a deletion.

    Other types, unregistered devices and statements without a timingPeriod assign nothing. Raises Unprocessable when
    the device is on another patient, or twice on one, at the same time, and when it would be on one who was deleted.
    """
    if type != TYPE:
        return
    await connection.execute(_FORGET, (id,))
    stated = None if tree is None else use(tree, base_url)
    if stated is None:
        return
    parameters = (id, stated.patient, stated.start, stated.end, stated.device)
    try:
        kept = await (await connection.execute(_KEEP, parameters)).fetchone()
    except psycopg.errors.ExclusionViolation as error:
        if error.diag.constraint_name != OVERLAP:
            raise
        raise Unprocessable(
            f"Device/{stated.device} is assigned by another DeviceUseStatement within this period. End that one first.",
            PERIOD,
        ) from error
    if kept == (True,) and (await connection.execute(_DELETED, (stated.patient,))).rowcount:
        text = f"Patient/{stated.patient} was deleted. Bring that Patient back, or end the period by now."
        raise Unprocessable(text, SUBJECT)


def use(tree: JsonObject, base_url: str = "") -> Use | None:
    """What a DeviceUseStatement assigns, None when it assigns nothing; raises Unprocessable when it ends before it starts.

    References may be relative or stand under `base_url`, the server's own address.
    """
    period = tree.get("timingPeriod")
    device = _logical_id(tree.get("device"), "Device", base_url)
    patient = _logical_id(tree.get("subject"), "Patient", base_url)
    if device is None or patient is None or tree.get("status") not in _FACTS or not isinstance(period, dict):
        return None
    start, end = _bounds(period.get("start"))[0], _bounds(period.get("end"))[1]
    if start is not None and end is not None and end <= start:
        raise Unprocessable("The period ends before it starts, or at once. Exchange or correct them.", PERIOD)
    return Use(device, patient, start, end)


def _logical_id(reference: JsonValue, type: str, base_url: str) -> str | None:
    text = reference.get("reference") if isinstance(reference, dict) else None
    local = text.removeprefix(f"{base_url}/") if isinstance(text, str) and base_url else text
    match = _REFERENCE.fullmatch(local) if isinstance(local, str) else None
    return match[2] if match is not None and match[1] == type else None


def _bounds(value: JsonValue) -> tuple[datetime | None, datetime | None]:
    """The first moment of a dateTime and the moment at which it is over.

    A day, month or year ends with its last moment. A time of day is taken as that very moment, so that a period may
    start when the one before ends.
    """
    if not isinstance(value, str):
        return None, None
    partial = _PARTIAL.fullmatch(value)
    try:
        if partial is None:
            moment = datetime.fromisoformat(value.replace(":60", ":59"))
            return moment, moment
        year, month, day = (int(part) if part else None for part in partial.groups())
        start = datetime(year or 1, month or 1, day or 1, tzinfo=UTC)
        return start, _after(start, month, day)
    except (ValueError, OverflowError) as error:
        raise Unprocessable(f"The period's {value!r} is no date. Correct it.", PERIOD) from error


def _after(start: datetime, month: int | None, day: int | None) -> datetime:
    if day is not None:
        return start + timedelta(days=1)
    if month is not None and month < 12:
        return start.replace(month=month + 1)
    return start.replace(year=start.year + 1, month=1)
