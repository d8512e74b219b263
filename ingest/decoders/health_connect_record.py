"""What every Health Connect record says around its values: which one it is, when, by what it was recorded.

https://developer.android.com/reference/kotlin/androidx/health/connect/client/records/metadata/Metadata

A record comes as the platform gives it, with `metadata` beside the values, or as HCGateway keeps it: `{id, start, end,
app, data}`.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from ingest.decoders.health_connect_types import RECORDING_METHODS
from ingest.decoders.members import Members
from mappers.times import DeviceTime

_MANUAL: Final = "manual entry"
_OFFSETS: Final = ("zoneOffset", "startZoneOffset", "endZoneOffset")


@dataclass(slots=True)
class Envelope:
    """The record's identity and times; `values` has what is left, `revised` when the source last changed it.

    `paths` says where the times stood.
    """

    values: Members
    id: str | None
    start: DeviceTime | None
    end: DeviceTime | None
    revised: DeviceTime | None
    paths: dict[str, str]
    self_reported: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def duration(self) -> timedelta | None:
        """How long the record lasts; None for a moment."""
        if self.start is None or self.end is None or self.end.moment == self.start.moment:
            return None
        return self.end.moment - self.start.moment


def envelope(record: Members, *, lasts: bool) -> Envelope | None:
    """What `record` says around its values; None, with issues, where it has none. A record that `lasts` needs an end."""
    found = _kept(record, lasts) if "data" in record else _given(record, lasts)
    if found is None:
        return None
    if found.start and found.end and found.end.moment < found.start.moment:
        record.refuse("end" if "data" in record else "endTime", "is before the start.", "invariant")
    for name in _OFFSETS:
        if (offset := _offset(found.values, name)) is not None:
            found.notes.append(f"{name}: {offset}")
    return found


def chosen(members: Members, name: str, choices: tuple[str, ...]) -> str | None:
    """The choice whose number, from 1, stands under `name`; None for 0 or nothing, or with an issue."""
    number = members.number(name)
    if number is None or number == 0:
        return None
    if type(number) is int and 0 < number <= len(choices):
        return choices[number - 1]
    members.refuse(name, f"is none of the numbers 0 to {len(choices)}.", "code-invalid")
    return None


def _kept(record: Members, lasts: bool) -> Envelope | None:
    """As HCGateway keeps it."""
    id, other = record.text("id", required=True, longest=64), record.text("_id", longest=64)
    if other is not None and id is not None and other != id:
        record.refuse("_id", "is another than id.", "invariant")
    start = record.time("start", required=True)
    end = record.time("end", required=lasts)
    app = record.text("app")
    values = record.object("data", required=True)
    notes = [] if app is None else [f"source: {app}"]
    record.close()
    return (
        None
        if values is None
        else Envelope(values, id, start, end, None, {"timestamp": "start"}, notes=notes)
    )


def _given(record: Members, lasts: bool) -> Envelope | None:
    """As the platform gives it."""
    metadata = record.object("metadata", required=True)
    if "time" in record:
        start, end = record.time("time"), None
        if lasts:
            record.refuse(
                "time", "is a moment, and this type lasts. Send startTime and endTime.", "structure"
            )
    else:
        start, end = record.time("startTime", required=True), record.time("endTime", required=True)
    if metadata is None:
        return None
    paths = {"timestamp": "time" if "time" in record else "startTime", "revised": "metadata.lastModifiedTime"}
    found = Envelope(record, None, start, end, None, paths)
    _read_metadata(metadata, found)
    return found


def _read_metadata(metadata: Members, found: Envelope) -> None:
    found.id = metadata.text("id", required=True, longest=64)
    found.revised = metadata.time("lastModifiedTime")
    if (origin := _origin(metadata)) is not None:
        found.notes.append(f"source: {origin}")
    if (method := chosen(metadata, "recordingMethod", RECORDING_METHODS)) is not None:
        found.self_reported = method == _MANUAL
        found.notes.append(method)
    if (device := metadata.object("device")) is not None:
        named = [each for name in ("manufacturer", "model") if (each := device.text(name))]
        if (kind := device.number("type")) is not None:
            named.append(f"(type {kind})")
        device.close()
        found.notes.append(f"measured by: {' '.join(named)}" if named else "measured by an unnamed device")
    if (client := metadata.text("clientRecordId")) is not None:
        found.notes.append(f"id at the source: {client}")
    if (version := metadata.number("clientRecordVersion")) is not None:
        found.notes.append(f"version at the source: {version}")
    metadata.close()


def _origin(metadata: Members) -> str | None:
    if not isinstance(metadata.value("dataOrigin"), dict):
        return metadata.text("dataOrigin")
    origin = metadata.object("dataOrigin")
    if origin is None:
        return None
    name = origin.text("packageName", required=True)
    origin.close()
    return name


def _offset(values: Members, name: str) -> str | None:
    """A time zone offset, in the platform's words: times are stored as they were sent."""
    found = values.value(name)
    if not isinstance(found, dict):
        return values.text(name)
    offset = values.object(name)
    if offset is None:
        return None
    id, seconds = offset.text("id"), offset.number("totalSeconds")
    offset.close()
    return id or (None if seconds is None else f"{seconds} s")
