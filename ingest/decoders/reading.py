"""One reading in this server's own form: `{timestamp, data: {spo2: 97}, …}`.

docs/ingest.md, "The reading" and "By the device's address"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias, cast

from ingest.decoders.device_status import MEMBER, device_status
from ingest.issue import Issue
from ingest.ports import Device
from mappers.errors import InvalidTime
from mappers.message import FUTURE
from mappers.reading import NO_UNITS, FieldValue, Quality, Reading
from mappers.times import DeviceTime, device_time


@dataclass(frozen=True, slots=True)
class Series:
    """The readings that one message holds; they are stored all or none."""

    readings: tuple[Reading, ...]


Decoded: TypeAlias = Reading | Series | tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class _Form:
    """What a form of readings calls the members that name the device and the patient, and all it has."""

    device: str
    patient: str
    members: tuple[str, ...]


_OTHERS: Final = ("type", "sequence", "id", "corrects", "duration", "quality", MEMBER)
_OWN: Final = _Form("device", "patient", ("timestamp", "data", "device", "patient", *_OTHERS))
_ADDRESSED: Final = _Form(
    "device_id", "patient_id", ("timestamp", "data", "device_id", "patient_id", *_OTHERS)
)
_MEASURE: Final = {"value", "unit"}
_NOTHING: Final[tuple[dict[str, FieldValue], Mapping[str, str]]] = ({}, NO_UNITS)
_LARGEST: Final = 10**40
_LONGEST: Final = 366 * 24 * 60 * 60
"""Seconds that a reading lasts at most."""


def decode(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The reading that `device` sent, or every issue its syntax has."""
    return _decoded(tree, device, received, _OWN)


def decode_addressed(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The reading that `device` sent to an address that names it or its type, or every issue its syntax has."""
    return _decoded(tree, device, received, _ADDRESSED)


def _decoded(tree: dict[str, object], device: Device, received: datetime, form: _Form) -> Decoded:
    issues: list[Issue] = []
    issues.extend(_unknown(name, form.members) for name in tree if name not in form.members)
    _check_sender(tree, device, form, issues)
    time = timestamp(tree.get("timestamp"), issues)
    before = len(issues)
    status = device_status(tree, time, received, issues) if MEMBER in tree else None
    alone = tree.get("data") is None and (status is not None or len(issues) > before)
    fields, units = _NOTHING if alone else _measures(tree.get("data"), issues)
    if not fields and time is not None and time.moment - received > FUTURE:
        issues.append(_ahead(time))
    sequence = _text(tree, "id", issues) or _text(tree, "sequence", issues)
    patient = _text(tree, form.patient, issues)
    duration, quality = _duration(tree, issues), _quality(tree, issues)
    corrects = tree.get("corrects", False)
    if not isinstance(corrects, bool):
        issues.append(Issue("value", "corrects is neither true nor false. Send one of them.", "corrects"))
    if issues or time is None:
        return tuple(issues)
    return Reading(
        device=device.name,
        profile=device.profile,
        time=time,
        received=received,
        fields=fields,
        units=units,
        patient=patient,
        sequence=sequence,
        duration=duration,
        corrects=corrects is True,
        quality=quality,
        status=status,
    )


def timestamp(value: object, issues: list[Issue]) -> DeviceTime | None:
    """The time in `value`, None with an issue about `timestamp` when there is none."""
    if value is None:
        text = "timestamp is missing. Send when it was measured: seconds since 1970 or an ISO 8601 time."
        issues.append(Issue("required", text, "timestamp"))
        return None
    try:
        return device_time(value)
    except InvalidTime as error:
        issues.append(Issue(error.code, error.text, error.element))
        return None


def _check_sender(tree: dict[str, object], device: Device, form: _Form, issues: list[Issue]) -> None:
    named, type = tree.get(form.device), tree.get("type")
    if named is not None and named not in (device.name, device.id, f"Device/{device.id}"):
        text = "The reading names another device than the one that signed. Send each device's readings signed by itself."
        issues.append(Issue("business-rule", text, form.device))
    if type is not None and type != device.profile:
        text = f"This device is registered as a {device.profile}. Leave `type` out, or register it as what it is."
        issues.append(Issue("business-rule", text, "type"))


def _measures(data: object, issues: list[Issue]) -> tuple[dict[str, FieldValue], dict[str, str]]:
    fields: dict[str, FieldValue] = {}
    units: dict[str, str] = cast("dict[str, str]", NO_UNITS)
    if not isinstance(data, dict):
        issues.append(Issue("required", "data is not an object. Send the values by name.", "data"))
        return fields, units
    for name, measure in data.items():
        value: object = measure
        if isinstance(measure, dict):
            value, unit = measure.get("value"), measure.get("unit")
            if not _MEASURE >= measure.keys() >= {"value"} or not isinstance(unit, str | None):
                issues.append(_malformed(name))
            elif unit is not None:
                units = {**units, name: unit}
        if isinstance(value, (dict, list)):
            issues.append(_malformed(name))
        fields[name] = cast("FieldValue", value)
    return fields, units


def _duration(tree: dict[str, object], issues: list[Issue]) -> timedelta | None:
    value = tree.get("duration")
    if value is None:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 < value <= _LONGEST:
        microseconds = Decimal(value).scaleb(6)
        if microseconds == int(microseconds):
            return timedelta(microseconds=int(microseconds))
    text = "duration is not a number of seconds above 0, of a year at most and six digits after the point."
    issues.append(Issue("value", f"{text} Send for how long was measured from `timestamp`.", "duration"))
    return None


def _quality(tree: dict[str, object], issues: list[Issue]) -> Quality:
    value = tree.get("quality")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    return _text(tree, "quality", issues)


def _text(tree: dict[str, object], member: str, issues: list[Issue]) -> str | None:
    value = tree.get(member)
    if value is None:
        return None
    if isinstance(value, str) and value and value.isprintable() and len(value) <= 128:
        return value
    if type(value) is int and member in ("id", "sequence") and -_LARGEST < value < _LARGEST:
        return str(value)
    issues.append(Issue("value", f"{member} is not a text of 1 to 128 printable characters.", member))
    return None


def _ahead(time: DeviceTime) -> Issue:
    text = f"timestamp {time.text} is more than five minutes ahead of this server. Set the device's clock."
    return Issue("business-rule", text, "timestamp")


def _unknown(name: str, members: Sequence[str]) -> Issue:
    known = ", ".join(members)
    return Issue("structure", f"{name[:60]!r} is not a member of a reading. Known are {known}.", name[:60])


def _malformed(name: str) -> Issue:
    text = f'{name[:60]!r} is neither a number nor {{"value": 97, "unit": "%"}}.'
    return Issue("structure", text, f"data.{name[:60]}")
