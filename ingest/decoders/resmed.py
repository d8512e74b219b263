"""The nightly summary on the card of a ResMed device (`STR.edf`): what was set, and what each night was like.

https://www.edfplus.info/specs/edf.html

A record is a day from noon to noon, which the device writes anew after each session. A digital -1 is the device's sign that it has no value. Leaks are in L/s, and say
which statistic they are; the times are the device's own and carry no zone. The numbers of modes, of ramp and of relief in
expiration are read for the one device whose numbers are known.
"""

import io
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Final

import edfio

from ingest.decoders import resmed_comfort
from ingest.decoders.edf import check, readable
from ingest.decoders.resmed_comfort import MISSING
from ingest.errors import UnreadableFile
from ingest.ports import Device
from mappers.reading import Absent, FieldValue, Reading
from mappers.times import from_datetime, in_zone
from mappers.waveform import decimal

_DAYS: Final = "Date"
_MINUTES_OF_USE: Final = "Duration"
_SESSIONS: Final = ("MaskOn", "MaskOff")
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
# what not every card has
_ALSO_MEASURED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AI": "apneaIndex",
        "HI": "hypopneaIndex",
        "RIN": "arousalIndex",
        "RespRate.50": "respiratoryRateMedian",
        "RespRate.Max": "respiratoryRateMaximum",
        "TidVol.50": "tidalVolumeMedian",
        "TidVol.Max": "tidalVolumeMaximum",
        "MinVent.50": "minuteVentilationMedian",
        "MinVent.Max": "minuteVentilationMaximum",
    }
)
_OXIMETER: Final[Mapping[str, str]] = MappingProxyType(
    {"SpO2.50": "spo2Median", "SpO2.95": "spo295", "SpO2.Max": "spo2Maximum"}
)
_SET: Final[Mapping[int, tuple[str, Mapping[str, str]]]] = MappingProxyType(
    {
        0: ("CPAP", {"S.C.Press": "pressureSet"}),
        1: ("APAP", {"S.AS.MinPress": "pressureMinimumSet", "S.AS.MaxPress": "pressureMaximumSet"}),
    }
)
_NEVER_0: Final = frozenset({"RespRate.50", "RespRate.Max"})
"""Of a session that was too short for a rate."""

_START: Final[Mapping[int, str]] = MappingProxyType({0: "S.C.StartPress", 1: "S.AS.StartPress"})
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cmH2O": "cm[H2O]",
        "L/s": "L/s",
        "L/min": "L/min",
        "L": "L",
        "bpm": "/min",
        "%": "%",
        "min.": "min",
        "": "/h",
    }
)
_RECORDING: Final = slice(88, 168)
_KNOWN: Final = re.compile(rb"\bMID=36\b")
"""What an AirSense 10 calls itself; another model may number its modes and switches otherwise."""


@dataclass(frozen=True, slots=True)
class Nights:
    """The nights on a card, as readings; `unused` days had none, `modes` are those whose settings are not known here."""

    readings: tuple[Reading, ...]
    unused: int
    modes: tuple[int, ...]


def decode(content: bytes, device: Device, received: datetime, zone: tzinfo) -> Nights:
    """The nights in `content`, measured by `device`, whose clock runs in `zone`.

    Raises UnreadableFile, saying where, when the file is broken or a signal is not as such a card has it.
    """
    check(io.BytesIO(content), len(content))
    with readable():
        file = edfio.read_edf(io.BytesIO(content), header_encoding="latin-1")
        known = tuple(_SET) if _KNOWN.search(content[_RECORDING]) else ()
        return _nights(file, known, device, received, zone)


def _nights(
    file: edfio.Edf, known: Container[int], device: Device, received: datetime, zone: tzinfo
) -> Nights:
    days = _signal(file, _DAYS).digital
    use = _signal(file, _MINUTES_OF_USE).digital
    used = [number for number, minutes in enumerate(use) if int(minutes) > 0]
    modes = [int(_signal(file, "Mode").digital[number]) for number in used]
    readings = tuple(
        _night(file, number, mode if mode in known else None, int(days[number]), device, received, zone)
        for number, mode in zip(used, modes, strict=True)
    )
    return Nights(
        readings, len(days) - len(used), tuple(sorted({mode for mode in modes if mode not in known}))
    )


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
    file: edfio.Edf,
    number: int,
    mode: int | None,
    day: int,
    device: Device,
    received: datetime,
    zone: tzinfo,
) -> Reading:
    names = _measured(file, number)
    fields: dict[str, FieldValue] = {}
    units: dict[str, str] = {}
    if mode is not None:
        fields["mode"], chosen = _SET[mode]
        digital = partial(_digital, file, number)
        names |= {**chosen, **resmed_comfort.read(digital, _START[mode])}
        for name, unit in resmed_comfort.switched_off(digital):
            fields[name], units[name] = 0, unit
    for label, name in names.items():
        signal = _signal(file, label)
        fields[name], units[name] = _value(signal, number), _unit(signal, label)
    start, end = (in_zone(datetime.combine(_EPOCH + each * _DAY, _NOON), zone) for each in (day, day + 1))
    revised = _revised(file, number, start)
    return Reading(
        device=device.name,
        profile=device.profile,
        time=from_datetime(start),
        received=received,
        fields=fields,
        units=units,
        sequence=f"night-{start.date()}",
        duration=end - start,
        corrects=revised is not None,
        revised=revised,
        night=start.date(),
        of_record=True,
    )


def _measured(file: edfio.Edf, number: int) -> dict[str, str]:
    """What the card says of the night; of saturation nothing where there was no oximeter."""
    optional = dict(_ALSO_MEASURED)
    if any(_digital(file, number, label) != MISSING for label in _OXIMETER):
        optional |= _OXIMETER
    return {**_MEASURED, **{label: name for label, name in optional.items() if label in file.labels}}


def _digital(file: edfio.Edf, number: int, label: str) -> int:
    """The number that the day has under this label; the sign of none where the card has no such signal."""
    return int(_signal(file, label).digital[number]) if label in file.labels else MISSING


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
    if digital == MISSING or (digital == 0 and signal.label in _NEVER_0):
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
