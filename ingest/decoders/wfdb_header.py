"""The header of a WFDB record: its length and times, and how each signal is stored and calibrated.

https://physionet.org/physiotools/wag/header-5.htm
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from ingest.errors import UnreadableFile

DEFAULT_RATE: Final = Fraction(250)
MAX_SIGNALS: Final = 64
MAX_RATE: Final = 1_000_000
_DEFAULT_UNIT: Final = "mV"

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_FILE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/.*)?")
_FORMAT: Final = re.compile(r"([0-9]+)(?:x([0-9]+))?(?::([0-9]+))?(?:\+([0-9]+))?")
_GAIN: Final = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]{1,2})?)(?:\(([+-]?[0-9]+)\))?(?:/(\S+))?")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{1,6}))?")
_DATE: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Signal:
    """How one signal is stored: `gain` steps of the converter are one `unit`, `baseline` is the step of zero.

    `gain` is None where the signal was never calibrated. `checksum` is that of all its samples, as 16 bits.
    """

    file: str
    format: int
    offset: int
    gain: Decimal | None
    baseline: int
    unit: str
    checksum: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Header:
    """A record's header: `samples` of each signal at `rate` a second, None where it does not say how many.

    `start` is naive, in the zone of whoever recorded it; None where the header has no date.
    """

    record: str
    rate: Fraction
    samples: int | None
    start: datetime | None
    signals: tuple[Signal, ...]
    comments: tuple[str, ...]


def header(content: bytes) -> Header:
    """The header in `content`. Raises UnreadableFile with line and field for what is none, or is not read here."""
    lines = [(number, line.strip()) for number, line in enumerate(content.decode("latin-1").split("\n"), 1)]
    said = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not said:
        raise UnreadableFile("The header has no record line.")
    record, count, rate, samples, start = _record_line(*said[0])
    if len(said) - 1 != count:
        raise UnreadableFile(
            f"Line {said[0][0]} of the header says {count} signals, and {len(said) - 1} lines follow."
        )
    comments = tuple(
        line[1:].strip() for number, line in lines if line.startswith("#") and number > said[0][0]
    )
    return Header(record, rate, samples, start, tuple(_signal(*each) for each in said[1:]), comments)


def _record_line(number: int, line: str) -> tuple[str, int, Fraction, int | None, datetime | None]:
    name, *fields = line.split()
    if "/" in name:
        raise UnreadableFile(
            f"Line {number} of the header: {name[:40]!r} is a record of several segments. Bring each segment by itself."
        )
    if _NAME.fullmatch(name) is None:
        raise UnreadableFile(f"Line {number} of the header: {name[:40]!r} is no name of a record.")
    if not fields:
        raise UnreadableFile(f"Line {number} of the header does not say how many signals there are.")
    count = _whole(fields[0], number, "the number of signals")
    if not 1 <= count <= MAX_SIGNALS:
        raise UnreadableFile(
            f"Line {number} of the header: {count} signals. From 1 to {MAX_SIGNALS} are read."
        )
    rate = _rate(fields[1], number) if len(fields) > 1 else DEFAULT_RATE
    samples = _whole(fields[2], number, "the number of samples") if len(fields) > 2 else 0
    return name, count, rate, samples or None, _start(fields[3:5], number)


def _rate(text: str, number: int) -> Fraction:
    match = _RATE.fullmatch(text)
    rate = Fraction(match[1]) if match else Fraction(0)
    if not 0 < rate <= MAX_RATE:
        raise UnreadableFile(f"Line {number} of the header: {text[:40]!r} is no sampling frequency.")
    return rate


def _start(fields: list[str], number: int) -> datetime | None:
    """When the record starts, where both time and date are there: a time alone does not say of which day."""
    if len(fields) < 2:
        return None
    at, on = _TIME.fullmatch(fields[0]), _DATE.fullmatch(fields[1])
    broken = f"Line {number} of the header has no time and date that can be read"
    if at is None or on is None:
        raise UnreadableFile(f"{broken}: {fields[0][:20]} {fields[1][:20]}.")
    hour, minute, second, fraction = at.groups(default="0")
    day, month, year = (int(each) for each in on.groups())
    try:
        clock = time(int(hour), int(minute), int(second), int(fraction.ljust(6, "0")))
        return datetime.combine(date(year, month, day), clock)
    except ValueError as error:
        raise UnreadableFile(f"{broken}: {error}.") from error


def _signal(number: int, line: str) -> Signal:
    fields = line.split(maxsplit=8)
    place = f"Line {number} of the header"
    if len(fields) < 2:
        raise UnreadableFile(f"{place} names no file and format: {line[:40]!r}.")
    name, form, *rest = fields
    if _FILE.fullmatch(name) is None:
        raise UnreadableFile(f"{place}: {name[:40]!r} is no name of a file that was brought with it.")
    match = _FORMAT.fullmatch(form)
    if match is None:
        raise UnreadableFile(f"{place}: {form[:40]!r} is no format of samples.")
    kind, together, skew, offset = (int(each or 0) for each in match.groups())
    if together > 1 or skew:
        raise UnreadableFile(f"{place}: {form[:40]!r}: signals of several rates, or skewed, are not read.")
    gain, baseline, unit = _gain(rest[0], place) if rest else (None, None, _DEFAULT_UNIT)
    numbers = [_whole(each, number, "a field of the signal") for each in rest[1:6]]
    zero = numbers[1] if len(numbers) > 1 else 0
    return Signal(
        file=name,
        format=kind,
        offset=offset,
        gain=gain,
        baseline=zero if baseline is None else baseline,
        unit=unit,
        checksum=numbers[3] if len(numbers) > 3 else None,
        name=rest[6] if len(rest) > 6 else "",
    )


def _gain(text: str, place: str) -> tuple[Decimal | None, int | None, str]:
    match = _GAIN.fullmatch(text)
    try:
        gain = Decimal(match[1]) if match else None
    except InvalidOperation:
        gain = None
    if match is None or gain is None:
        raise UnreadableFile(f"{place}: {text[:40]!r} is no gain.")
    return gain or None, int(match[2]) if match[2] else None, match[3] or _DEFAULT_UNIT


def _whole(text: str, number: int, what: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise UnreadableFile(f"Line {number} of the header: {text[:40]!r} is no number for {what}.")
    return int(text)
