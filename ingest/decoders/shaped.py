"""A message in its maker's own form, read by the paths that its device type declares.

https://jmespath.org/specification.html; docs/devices.md, "A maker's own JSON"

What no path selects is not looked at: the device type says what of the message is measured.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final, TypeGuard

from ingest.decoders.reading import Decoded, Series
from ingest.issue import Issue
from ingest.ports import Device
from mappers.errors import InvalidTime, NotSelectable
from mappers.profile import DeviceProfile
from mappers.reading import FieldValue, Reading
from mappers.rule import FieldRule
from mappers.selection import Selection
from mappers.shape import Shape
from mappers.times import DeviceTime, device_time, time_of_milliseconds

MOST: Final = 1_000
"""Readings of one message, which are stored all or none."""

_LONGEST: Final = 128
_DIGITS: Final = 40
_LARGEST: Final = 10**_DIGITS


def decode(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The readings that `device`, whose type has a shape, sent; or every issue its message has."""
    profile, shape = device.type, device.type.shape
    assert shape is not None, "only a type with a shape is read by it"
    issues: list[Issue] = []
    _check_device(tree, device, shape, issues)
    patient = _text(shape.patient, tree, "", issues)
    readings: list[Reading] = []
    for where, item in _items(tree, shape, issues):
        message = _Message(item, where, profile, shape)
        reading = message.reading(device, received, patient, issues)
        if reading is not None:
            readings.append(reading)
    if issues:
        return tuple(issues)
    return readings[0] if shape.readings is None else Series(tuple(readings))


class _Message:
    """One reading of a message, `where` its path begins with."""

    def __init__(self, item: object, where: str, profile: DeviceProfile, shape: Shape) -> None:
        self._item = item
        self._where = where
        self._profile = profile
        self._shape = shape

    def reading(
        self, device: Device, received: datetime, patient: str | None, issues: list[Issue]
    ) -> Reading | None:
        """The reading, or None with issues."""
        time = self._time(issues)
        sequence = _text(self._shape.sequence, self._item, self._where, issues)
        fields, units = self._measures(issues)
        if time is None:
            return None
        return Reading(
            device=device.name,
            profile=device.profile,
            time=time,
            received=received,
            fields=fields,
            units=units,
            patient=patient,
            sequence=sequence,
            paths=self._paths(),
        )

    def _time(self, issues: list[Issue]) -> DeviceTime | None:
        selection, where = self._shape.time, self._where
        sent = _selected(selection, self._item, where, issues)
        path = where + selection.expression
        if sent is None:
            issues.append(Issue("required", f"{path} is missing. Send when it was measured.", path))
            return None
        try:
            if self._shape.time_unit == "ms" and _is_count(sent):
                return time_of_milliseconds(sent, path)
            return device_time(sent, path)
        except InvalidTime as error:
            issues.append(Issue(error.code, error.text, error.element))
            return None

    def _measures(self, issues: list[Issue]) -> tuple[dict[str, FieldValue], dict[str, str]]:
        fields: dict[str, FieldValue] = {}
        units: dict[str, str] = {}
        for rule in self._profile.rules:
            assert rule.path is not None, "a type with a shape has a path for every field"
            sent = _selected(rule.path, self._item, self._where, issues)
            if sent is None:
                continue
            if isinstance(sent, int | Decimal | str):
                fields[rule.name] = sent
            else:
                issues.append(_no_value(rule.path, self._where, sent))
            unit = self._unit(rule, issues)
            if unit is not None:
                units[rule.name] = unit
        return fields, units

    def _unit(self, rule: FieldRule, issues: list[Issue]) -> str | None:
        unit = _selected(rule.unit_path, self._item, self._where, issues)
        if unit is None or isinstance(unit, str):
            return unit
        assert rule.unit_path is not None, "what was selected has a path"
        path = self._where + rule.unit_path.expression
        issues.append(Issue("value", f"{path} is no text. Send the unit as a text.", path))
        return None

    def _paths(self) -> dict[str, str]:
        shape, where = self._shape, self._where
        paths = {rule.name: where + rule.path.expression for rule in self._profile.rules if rule.path}
        paths["timestamp"] = where + shape.time.expression
        if shape.sequence is not None:
            paths["sequence"] = where + shape.sequence.expression
        if shape.patient is not None:
            paths["patient"] = shape.patient.expression
        return paths


def _check_device(tree: dict[str, object], device: Device, shape: Shape, issues: list[Issue]) -> None:
    named = _text(shape.device, tree, "", issues)
    if shape.device is not None and named is not None and named not in (device.name, device.id):
        text = (
            "The message names another device than the one that signed. Register it under the name it sends."
        )
        issues.append(Issue("business-rule", text, shape.device.expression))


def _items(tree: dict[str, object], shape: Shape, issues: list[Issue]) -> list[tuple[str, object]]:
    """Each reading with what its paths begin with."""
    if shape.readings is None:
        return [("", tree)]
    found = _selected(shape.readings, tree, "", issues)
    path = shape.readings.expression
    if not isinstance(found, list) or not found:
        issues.append(Issue("required", f"{path} is no list of readings. Send at least one.", path))
        return []
    if len(found) > MOST:
        issues.append(
            Issue("too-long", f"{path} has {len(found)} readings. Send at most {MOST} at once.", path)
        )
        return []
    return [(f"{path}[{number}].", item) for number, item in enumerate(found)]


def _text(selection: Selection | None, item: object, where: str, issues: list[Issue]) -> str | None:
    """The text, or the whole number as text, that is selected; None with an issue for anything else."""
    found = _selected(selection, item, where, issues)
    if selection is None or found is None:
        return None
    if isinstance(found, str) and found and found.isprintable() and len(found) <= _LONGEST:
        return found
    if type(found) is int and -_LARGEST < found < _LARGEST:
        return str(found)
    path = where + selection.expression
    issues.append(Issue("value", f"{path} is not a text of 1 to {_LONGEST} printable characters.", path))
    return None


def _selected(selection: Selection | None, item: object, where: str, issues: list[Issue]) -> object:
    if selection is None:
        return None
    try:
        return selection.of(item)
    except NotSelectable as error:
        issues.append(Issue("structure", str(error), where + selection.expression))
        return None


def _no_value(selection: Selection, where: str, sent: object) -> Issue:
    path = where + selection.expression
    what = "a list" if isinstance(sent, list) else "an object"
    return Issue("structure", f"{path} is {what} and no single value. Send one, or correct the path.", path)


def _is_count(sent: object) -> TypeGuard[int | Decimal]:
    """Whether it is a number that can be scaled; any other is refused for what it is."""
    if isinstance(sent, Decimal):
        return sent.is_finite() and abs(sent.adjusted()) <= _DIGITS
    return type(sent) is int and abs(sent) < _LARGEST
