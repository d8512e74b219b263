"""Readings of a file in the server's own words, as a dead letter keeps them and takes them in again.

docs/ingest.md, "Dead letters"
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, cast

import orjson

from ingest.decoders.reading import Decoded, Series
from ingest.issue import Issue
from ingest.ports import Device
from mappers.errors import InvalidTime
from mappers.reading import Absent, FieldValue, Quality, Reading
from mappers.times import device_time

MAX_BYTES: Final = 64_000
_REASONS: Final = ("unknown", "error", "not-performed")


def letter(readings: Sequence[Reading], file: str, where: str, *, alone: bool) -> bytes:
    """The readings as JSON, with the file and the place they stood at.

    Where they are too large for a letter, or say more than their values (`alone` is false), they can only be taken in
    again from the file, and `again` says so.
    """
    told = [_tree(reading) for reading in readings]
    head: dict[str, object] = {"file": file, "where": where}
    full = _json(head | {"readings": told})
    if len(full) > MAX_BYTES:
        return orjson.dumps(head | {"readings": len(told), "again": "file"})
    if not alone or _restored(told, readings) != list(readings):
        return _json(head | {"readings": told, "again": "file"})
    return full


def decode(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The readings of a letter, or the Issue that says that the file has to be brought again."""
    told = tree.get("readings")
    if tree.get("again") == "file" or not isinstance(told, list):
        text = f"It stood in the file {str(tree.get('file'))[:200]!r}. Bring that file again."
        return (Issue("not-supported", text),)
    try:
        return Series(tuple(_reading(each, device.name, device.profile, received) for each in told))
    except (KeyError, TypeError, ValueError, InvalidTime) as error:
        return (Issue("structure", f"The letter cannot be read: {error}. Bring the file again."),)


def _restored(told: Sequence[dict[str, object]], readings: Sequence[Reading]) -> list[Reading]:
    return [
        _reading(each, reading.device, reading.profile, reading.received)
        for each, reading in zip(told, readings, strict=True)
    ]


def _tree(reading: Reading) -> dict[str, object]:
    told: dict[str, object] = {"timestamp": reading.time.text, "data": dict(reading.fields)}
    optional: dict[str, object] = {
        "units": dict(reading.units),
        "patient": reading.patient,
        "sequence": reading.sequence,
        "seconds": None if reading.duration is None else Decimal(str(reading.duration.total_seconds())),
        "corrects": reading.corrects or None,
        "revised": None if reading.revised is None else reading.revised.isoformat(),
        "quality": reading.quality,
        "statistic": reading.statistic,
        "of_record": reading.of_record or None,
        "night": None if reading.night is None else reading.night.isoformat(),
    }
    return told | {name: value for name, value in optional.items() if value}


# of a letter's own form, which _tree writes: whatever else is there fails, and the file is to be brought again
def _reading(told: dict[str, object], device: str, profile: str, received: datetime) -> Reading:
    fields = cast("dict[str, object]", told["data"])
    seconds, night, revised = told.get("seconds"), told.get("night"), told.get("revised")
    return Reading(
        device=device,
        profile=profile,
        time=device_time(told["timestamp"]),
        received=received,
        fields={name: _value(value) for name, value in fields.items()},
        units=cast("dict[str, str]", told.get("units", {})),
        patient=cast("str | None", told.get("patient")),
        sequence=cast("str | None", told.get("sequence")),
        duration=None if seconds is None else timedelta(seconds=float(cast("Decimal", seconds))),
        corrects=told.get("corrects") is True,
        quality=cast("Quality", told.get("quality")),
        statistic=cast("None", told.get("statistic")),
        revised=None if revised is None else datetime.fromisoformat(cast("str", revised)),
        of_record=told.get("of_record") is True,
        night=None if night is None else date.fromisoformat(cast("str", night)),
    )


def _value(value: object) -> FieldValue:
    if not isinstance(value, dict):
        return cast("FieldValue", value)
    if value.get("absent") not in _REASONS:
        raise ValueError(f"absent {str(value.get('absent'))[:40]!r} is no reason")
    return Absent(value["absent"])


def _json(tree: dict[str, object]) -> bytes:
    return orjson.dumps(tree, default=_exact, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def _exact(value: object) -> object:
    """A number with all its digits, and the sign of a value that is not there."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, Absent):
        return {"absent": value.reason}
    raise TypeError(f"a reading has no {type(value).__name__}")
