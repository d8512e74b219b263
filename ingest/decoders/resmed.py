"""The nightly summary on the card of a ResMed device (`STR.edf`): what was set, and what each night was like.

https://www.edfplus.info/specs/edf.html

A record is a day from noon to noon, which the device writes anew after each session. A digital -1 is the device's sign that it has no value. Leaks are in L/s, and say
which statistic they are; the times are the device's own and carry no zone.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import edfio

from ingest.decoders.edf import check, readable
from ingest.errors import UnreadableFile
from ingest.ports import Device
from mappers.reading import Absent, FieldValue, Reading
from mappers.times import from_datetime
from mappers.waveform import decimal

_DAYS: Final = "Date"
_MINUTES_OF_USE: Final = "Duration"
_SESSIONS: Final = ("MaskOn", "MaskOff")
_MISSING: Final = -1
_EPOCH: Final = date(1970, 1, 1)
_NOON: Final = time(12)
_DAY: Final = timedelta(days=1)
_MINUTES: Final = 24 * 60

# by the names of the device types `cpap` and `apap`
_MEASURED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MaskPress.50": "pressureMedian",
        "MaskPress.95": "pressure95",
        "MaskPress.Max": "pressureMaximum",
        "Leak.50": "leakMedian",
        "Leak.95": "leak95",
        "Leak.Max": "leakMaximum",
        "AHI": "ahi",
        "OAI": "obstructiveApneaIndex",
        "CAI": "centralApneaIndex",
        "UAI": "unclassifiedApneaIndex",
        _MINUTES_OF_USE: "usage",
    }
)
_SET: Final[Mapping[int, tuple[str, Mapping[str, str]]]] = MappingProxyType(
    {
        0: ("CPAP", {"S.C.Press": "pressureSet"}),
        1: ("APAP", {"S.AS.MinPress": "pressureMinimumSet", "S.AS.MaxPress": "pressureMaximumSet"}),
    }
)
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"cmH2O": "cm[H2O]", "L/s": "L/s", "min.": "min", "": "/h"}
)


@dataclass(frozen=True, slots=True)
class Nights:
    """The nights on a card, as readings; `unused` days had none, `modes` are those whose settings are not known here."""

    readings: tuple[Reading, ...]
    unused: int
    modes: tuple[int, ...]


def decode(content: bytes, device: Device, received: datetime, zone: timezone) -> Nights:
    """The nights in `content`, measured by `device`, whose clock runs in `zone`.

    Raises UnreadableFile, saying where, when the file is broken or a signal is not as such a card has it.
    """
    check(io.BytesIO(content), len(content))
    with readable():
        return _nights(edfio.read_edf(io.BytesIO(content), header_encoding="latin-1"), device, received, zone)


def _nights(file: edfio.Edf, device: Device, received: datetime, zone: timezone) -> Nights:
    days = _signal(file, _DAYS).digital
    use = _signal(file, _MINUTES_OF_USE).digital
    used = [number for number, minutes in enumerate(use) if int(minutes) > 0]
    modes = [int(_signal(file, "Mode").digital[number]) for number in used]
    readings = tuple(
        _night(file, number, mode, int(days[number]), device, received, zone)
        for number, mode in zip(used, modes, strict=True)
    )
    return Nights(readings, len(days) - len(used), tuple(sorted(set(modes) - _SET.keys())))


def _signal(file: edfio.Edf, label: str) -> edfio.EdfSignal:
    try:
        signal = file.get_signal(label)
    except ValueError as error:
        raise UnreadableFile(
            f"The file has no signal {label!r}: it is no STR.edf of a ResMed card."
        ) from error
    if len(signal.digital) != file.num_data_records:
        raise UnreadableFile(f"{label} has not one value for each day: it is no STR.edf of a ResMed card.")
    return signal


def _night(
    file: edfio.Edf, number: int, mode: int, day: int, device: Device, received: datetime, zone: timezone
) -> Reading:
    names = dict(_MEASURED)
    fields: dict[str, FieldValue] = {}
    if mode in _SET:
        fields["mode"], chosen = _SET[mode]
        names |= chosen
    units: dict[str, str] = {}
    for label, name in names.items():
        signal = _signal(file, label)
        fields[name], units[name] = _value(signal, number), _unit(signal, label)
    start = datetime.combine(_EPOCH + day * _DAY, _NOON, zone)
    revised = _revised(file, number, start)
    return Reading(
        device=device.name,
        profile=device.profile,
        time=from_datetime(start),
        received=received,
        fields=fields,
        units=units,
        duration=_DAY,
        corrects=revised is not None,
        revised=revised,
        night=start.date(),
    )


def _revised(file: edfio.Edf, number: int, start: datetime) -> datetime | None:
    """When the day last changed: as its last session began or ended. None where the card does not say."""
    signals = [file.get_signal(label) for label in _SESSIONS if label in file.labels]
    days = [signal.digital.reshape(file.num_data_records, -1) for signal in signals]
    minutes = [int(each) for sessions in days for each in sessions[number] if each >= 0]
    last = max(minutes, default=None)
    return None if last is None or last > _MINUTES else start + timedelta(minutes=last)


def _value(signal: edfio.EdfSignal, number: int) -> FieldValue:
    """The physical value, exact: the calibration in the header is decimal."""
    digital = int(signal.digital[number])
    if digital == _MISSING:
        return Absent("unknown")
    low, high = (Fraction(repr(end)) for end in signal.physical_range)
    if low == high:
        raise UnreadableFile(f"{signal.label} has no calibration: all its values would be {low}.")
    bottom, top = signal.digital_range
    step = (high - low) / (top - bottom)
    return decimal(low + (digital - bottom) * step)


def _unit(signal: edfio.EdfSignal, label: str) -> str:
    unit = _UNITS.get(signal.physical_dimension)
    if unit is None:
        raise UnreadableFile(
            f"{label} is in {signal.physical_dimension!r}, which is not one of {', '.join(filter(None, _UNITS))}."
        )
    return unit
