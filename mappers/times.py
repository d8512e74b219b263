"""The time a device states, kept with the precision and offset it came with.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Final

from mappers.errors import InvalidTime

LARGEST_SECONDS: Final = 10**11
"""A count beyond this is not seconds since 1970 (it would be the year 5138), whatever else it may be."""

EARLIEST_IN_MILLISECONDS: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""What now is in seconds is 1970 in milliseconds."""

_DATE_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_PRINTABLE: Final = 10**20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """A moment as a device wrote it.

    `text` is the FHIR dateTime with the device's own digits and offset, `moment` the same as a datetime cut to
    microseconds, `nanoseconds` the exact count since 1970 in UTC, `digits` how many fractional digits were sent.
    """

    text: str
    moment: datetime
    nanoseconds: int
    digits: int


def device_time(value: object, element: str = "timestamp") -> DeviceTime:
    """The time in `value`: seconds since 1970 as `int` or `Decimal`, or an ISO 8601 text with a time zone.

    Raises InvalidTime naming `element` for anything else, for more than nine fractional digits, for a time before
    1970 and for counts above 10^11, which are never guessed to be milliseconds.
    """
    if type(value) is int:
        return _from_seconds(value, element)
    if isinstance(value, Decimal):
        return _from_decimal(value, element)
    if isinstance(value, str):
        return _from_text(value, element)
    shown = "true or false" if isinstance(value, bool) else f"a {type(value).__name__}"
    raise InvalidTime("value", element, f"{element} is {shown}. Send seconds since 1970 or an ISO 8601 time.")


def from_datetime(moment: datetime, digits: int = 0, element: str = "timestamp") -> DeviceTime:
    """The time in an aware `moment`, of which the device stated `digits` fractional digits (0 to 6).

    Raises InvalidTime naming `element` for a naive datetime and for a time before 1970.
    """
    if moment.tzinfo is None:
        raise InvalidTime("value", element, f"{element} {moment} has no time zone. Add its offset.")
    text = moment.replace(microsecond=0).isoformat()
    stamp, offset = text[:19], text[19:]
    fraction = f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    return _from_text(f"{stamp}{fraction}{'Z' if offset == '+00:00' else offset}", element)


def time_of_milliseconds(count: int | Decimal, element: str = "timestamp") -> DeviceTime:
    """The time that is `count` milliseconds after 1970 began.

    Raises InvalidTime naming `element` as `device_time` does, and for one before 2000, which is a count of seconds.
    """
    if isinstance(count, Decimal) and not count.is_finite():
        return device_time(count, element)
    time = device_time(Decimal(count).scaleb(-3), element)
    if time.moment < EARLIEST_IN_MILLISECONDS:
        text = f"{element} {count} is {time.text} in milliseconds. Send milliseconds, or declare that these are seconds."
        raise InvalidTime("value", element, text)
    return time


def in_zone(clock: datetime, zone: tzinfo, element: str = "timestamp") -> datetime:
    """The moment at which a clock in `zone` shows `clock` (naive), with the offset that holds then.

    Raises InvalidTime naming `element` for a time that the zone leaves out, or has twice, as clocks are put on or back.
    """
    moments = [clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    first, second = (
        each.replace(tzinfo=timezone(each.utcoffset() or timedelta()), fold=0) for each in moments
    )
    if first != second:
        what = "does not exist" if first > second else "is twice"
        text = f"{element} {clock.isoformat()} {what} in {zone}. Say its offset from UTC."
        raise InvalidTime("value", element, text)
    return first


def _from_seconds(seconds: int, element: str) -> DeviceTime:
    _check_range(seconds, element)
    moment = datetime.fromtimestamp(seconds, UTC)
    return DeviceTime(moment.isoformat()[:19] + "Z", moment, seconds * 1_000_000_000, 0)


def _from_decimal(seconds: Decimal, element: str) -> DeviceTime:
    if not seconds.is_finite():
        raise InvalidTime("value", element, f"{element} {seconds} is not a time. Send seconds since 1970.")
    _check_range(seconds, element)
    exponent = seconds.as_tuple().exponent
    assert isinstance(exponent, int)
    digits = max(0, -exponent)
    if digits > 9:
        raise InvalidTime("value", element, f"{element} has {digits} fractional digits. Send at most nine.")
    nanoseconds = int(seconds.scaleb(9))
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(whole, UTC)
    fraction = f".{rest:09d}"[: digits + 1] if digits else ""
    text = f"{moment.isoformat()[:19]}{fraction}Z"
    return DeviceTime(text, moment.replace(microsecond=rest // 1000), nanoseconds, digits)


def _check_range(seconds: int | Decimal, element: str, written: str | None = None) -> None:
    """Nothing; raises InvalidTime for what is out of range, as `written` where it came as a text."""
    shown = written or (seconds if -_PRINTABLE < seconds < _PRINTABLE else "of very many digits")
    if seconds < 0:
        raise InvalidTime("value", element, f"{element} {shown} is before 1970. Set the device's clock.")
    if seconds > LARGEST_SECONDS:
        raise InvalidTime(
            "value",
            element,
            f"{element} {shown} is beyond 10^11 seconds. Send seconds since 1970, not smaller units.",
        )


def _from_text(text: str, element: str) -> DeviceTime:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise InvalidTime(
            "value", element, f"{element} {text[:40]!r} is not a time. Send 2026-01-31T12:00:00Z."
        )
    stamp, fraction, offset = match.groups()
    if offset is None:
        raise InvalidTime("value", element, f"{element} {text!r} has no time zone. Add Z or an offset.")
    try:
        whole = datetime.fromisoformat(stamp + offset)
        seconds = (whole - _EPOCH) // _SECOND
    except (ValueError, OverflowError) as error:
        raise InvalidTime("value", element, f"{element} {text!r} is not a time: {error}.") from error
    _check_range(seconds, element, text)
    rest = int((fraction or "").ljust(9, "0"))
    moment = whole.replace(microsecond=rest // 1000)
    return DeviceTime(text, moment, seconds * 1_000_000_000 + rest, len(fraction or ""))
