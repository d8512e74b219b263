"""What makes a reading the same reading: its identifier, and the id made from it.

https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
"""

import hashlib
import hmac
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from mappers.times import DeviceTime

SEQUENCE_LENGTH: Final = 64
_DATE_LENGTH: Final = len("2026-01-31")
_DEVICE_METRICS: Final = uuid.UUID("6a0f3c52-5f0b-5f0e-9d7c-2f6a1b7f4a10")
_VARIANT: Final = "89ab"
_MICROSECOND: Final = timedelta(microseconds=1)


def sequence_text(sequence: str | None) -> str | None:
    """`sequence` percent-encoded, so that it cannot be mistaken for another part; None if that is too long."""
    text = quote(sequence or "", safe="")
    return text if len(text) <= SEQUENCE_LENGTH else None


def time_part(time: DeviceTime, duration: timedelta | None, sequence: str) -> str:
    """When it was measured, as the end of an identifier: `nanoseconds[_[microseconds of duration][_sequence]]`."""
    if duration is None and not sequence:
        return str(time.nanoseconds)
    length = "" if duration is None else str(duration // _MICROSECOND)
    return f"{time.nanoseconds}_{length}_{sequence}" if sequence else f"{time.nanoseconds}_{length}"


def record_part(id: str) -> str:
    """What stands in place of a time where the source has a record of its own, whose time may be edited: `__id`."""
    return f"__{id}"


def identifier_value(device_id: str, patient_id: str, metric_key: str, time: str) -> str:
    """The conditional-create identifier `device_patient_metric_time`; only a sequence may have underscores within."""
    return f"{device_id}_{patient_id}_{metric_key}_{time}"


def resource_id(key: bytes, milliseconds: int | None, identifier: str) -> str:
    """The UUID version 8 of `identifier`: 48 bits of device time, then HMAC-SHA256 under the server's `key`.

    Ids sort by time to the millisecond, and without the key none can be guessed. Equal arguments give equal ids. Those
    of records, whose time may change, have no time in them (None).
    """
    digest = hmac.digest(key, identifier.encode(), "sha256")
    tail = digest.hex()
    time = tail[32:44] if milliseconds is None else f"{milliseconds:012x}"
    variant = _VARIANT[digest[31] & 3]
    return f"{time[:8]}-{time[8:]}-8{tail[:3]}-{variant}{tail[3:6]}-{tail[6:18]}"


def device_metric_id(device_id: str, metric_key: str) -> str:
    """The id of the DeviceMetric for one metric of a device: always the same, so that a setting can refer to it."""
    return str(uuid.uuid5(_DEVICE_METRICS, f"{device_id}/{metric_key}"))


def fingerprint(resource: Mapping[str, object]) -> bytes:
    """16 bytes that are equal for equal clinical content under one identity.

    What counts is what was measured: values with their unit codes, components, absent reasons, results and conclusion.
    What does not: ids, status, wording, and how a number is written (98 and 98.0 are one value). Times count where they are
    no part of the identity: of a record. Numbers may be `int`, `Decimal` or any type whose text is a number.
    """
    parts: list[str] = []
    for key in sorted(_CONTENT & resource.keys()):
        _add_leaves(resource[key], f".{key}", parts)
    text = "\x1e".join(parts)
    if _is_of_record(resource):
        text = "\x1e".join((text, *_times(resource)))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


_CONTENT: Final = frozenset(
    {
        "valueQuantity",
        "valueCodeableConcept",
        "valueString",
        "valueDateTime",
        "valueSampledData",
        "dataAbsentReason",
        "component",
        "hasMember",
        "result",
        "conclusion",
    }
)
_WORDING: Final = frozenset({"unit", "display"})


def _is_of_record(resource: Mapping[str, object]) -> bool:
    identifiers = resource.get("identifier")
    first = identifiers[0] if isinstance(identifiers, list) and identifiers else None
    value = first.get("value") if isinstance(first, dict) else None
    return isinstance(value, str) and "__" in value and value.split("_", 4)[3:4] == [""]


def _times(resource: Mapping[str, object]) -> Iterator[str]:
    """When it was measured, however that is written; a date is no moment and stands for itself."""
    match resource:
        case {"effectiveDateTime": str(text)}:
            yield _moment(text)
        case {"effectivePeriod": {"start": str(start), "end": str(end)}}:
            yield _moment(start)
            yield _moment(end)


def _moment(text: str) -> str:
    return text if len(text) <= _DATE_LENGTH else datetime.fromisoformat(text).astimezone(UTC).isoformat()


def _add_leaves(node: object, path: str, parts: list[str]) -> None:
    """Adds the leaves below `node`, in one order, each with its path."""
    if isinstance(node, (str, bool)):
        parts.append(f"{path}\x1f{node}")
    elif isinstance(node, dict):
        for key in sorted(node):
            if key not in _WORDING and not (key == "text" and "coding" in node):
                _add_leaves(node[key], f"{path}.{key}", parts)
    elif isinstance(node, list):
        for position, item in enumerate(node):
            _add_leaves(item, f"{path}[{position}]", parts)
    else:
        parts.append(f"{path}\x1f{_number(node)}")


def _number(value: object) -> str:
    if type(value) is int:
        return str(value)
    text = format(Decimal(str(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
