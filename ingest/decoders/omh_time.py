"""When an Open mHealth data point was measured: a moment, an interval, or a part of a day.

https://www.openmhealth.org/documentation/#/schema-docs/schema-library/schemas/omh_time-frame
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from ingest.decoders.members import Members
from mappers.errors import InvalidTime
from mappers.times import DeviceTime, device_time, from_datetime

_LONGEST: Final = timedelta(days=36_525)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTS: Final = ("morning", "afternoon", "evening", "night")
_MICROSECONDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "us": 1,
        "ms": 1000,
        "sec": 10**6,
        "min": 60 * 10**6,
        "h": 3600 * 10**6,
        "d": 86400 * 10**6,
        "wk": 7 * 86400 * 10**6,
    }
)


@dataclass(frozen=True, slots=True)
class TimeFrame:
    """The start, or the moment; how long it took, if that was said; what has no place in a time."""

    start: DeviceTime
    duration: timedelta | None = None
    note: str | None = None


def time_frame(frame: Members, *, part_of_day: bool) -> TimeFrame | None:
    """The time that `frame` states; None, with an issue that names the member, when it states none."""
    if "time_interval" not in frame:
        moment = frame.time("date_time", required=True)
        frame.close()
        return None if moment is None else TimeFrame(moment)
    interval = frame.object("time_interval")
    frame.close()
    if interval is None:
        return None
    found = _part_of_day(interval) if part_of_day and "date" in interval else _interval(interval)
    interval.close()
    return found


def _part_of_day(interval: Members) -> TimeFrame | None:
    """A date, as FHIR writes one; nobody's time zone is assumed in what is stored."""
    day = interval.text("date", required=True)
    part = interval.choice("part_of_day", _PARTS, required=True)
    if day is None or part is None:
        return None
    if _DATE.fullmatch(day) is None:
        interval.refuse("date", f"{day[:20]!r} is not a date. Send 2026-01-31.")
        return None
    try:
        midnight = device_time(f"{day}T00:00:00Z", interval.at("date"))
    except InvalidTime as error:
        interval.refuse("date", f"{day!r} is not a date: {error.text}", error.code)
        return None
    return TimeFrame(replace(midnight, text=day), note=f"part of day: {part}")


def _interval(interval: Members) -> TimeFrame | None:
    has_start, has_end, has_duration = (
        name in interval for name in ("start_date_time", "end_date_time", "duration")
    )
    start = interval.time("start_date_time", required=not (has_end and has_duration))
    end = interval.time("end_date_time", required=has_start and not has_duration)
    duration = _duration(interval)
    if has_start and has_end and has_duration:
        interval.refuse(
            "duration", "stands beside a start and an end. Leave one of the three out.", "structure"
        )
        return None
    if start is not None and end is not None:
        return _between(start, end)
    if duration is None:
        return None
    if start is not None:
        return TimeFrame(start, duration)
    return None if end is None else _before(interval, end, duration)


def _between(start: DeviceTime, end: DeviceTime) -> TimeFrame:
    """From `start` to `end`; of an end before the start only the words are kept, since a Period cannot run backwards."""
    length = end.moment - start.moment
    if length > timedelta():
        return TimeFrame(start, length)
    if length == timedelta():
        return TimeFrame(start)
    return TimeFrame(
        start, note=f"stated to end at {end.text}, which is before its start; only the start is kept"
    )


def _before(interval: Members, end: DeviceTime, duration: timedelta) -> TimeFrame | None:
    digits = max(end.digits, 6 if duration % timedelta(seconds=1) else 0)
    try:
        return TimeFrame(from_datetime(end.moment - duration, min(digits, 6)), duration)
    except (InvalidTime, OverflowError):
        interval.refuse("duration", "begins before 1970. Correct it.")
        return None


def _duration(interval: Members) -> timedelta | None:
    measure = interval.object("duration")
    if measure is None:
        return None
    value = measure.number("value", required=True)
    unit = measure.choice("unit", _MICROSECONDS, required=True)
    measure.close()
    if value is None or unit is None:
        return None
    if not 0 < value < 10**18 or (isinstance(value, Decimal) and len(value.as_tuple().digits) > 30):
        measure.refuse("value", "is no length of time. Send a positive number.")
        return None
    count = Fraction(value) * _MICROSECONDS[unit]
    if count.denominator != 1 or count > _LONGEST // timedelta(microseconds=1):
        measure.refuse("value", f"{value} {unit} is finer than a microsecond or longer than a century.")
        return None
    return timedelta(microseconds=int(count))
