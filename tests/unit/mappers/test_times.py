from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.errors import InvalidTime
from mappers.times import device_time, from_datetime, in_zone


@pytest.mark.parametrize(
    ("value", "text", "nanoseconds", "digits"),
    [
        (1234567890, "2009-02-13T23:31:30Z", 1234567890_000000000, 0),
        (0, "1970-01-01T00:00:00Z", 0, 0),
        (Decimal("1234567890.5"), "2009-02-13T23:31:30.5Z", 1234567890_500000000, 1),
        (Decimal("1234567890.500"), "2009-02-13T23:31:30.500Z", 1234567890_500000000, 3),
        (Decimal("1234567890.123456789"), "2009-02-13T23:31:30.123456789Z", 1234567890_123456789, 9),
        (Decimal("1.23456789E+9"), "2009-02-13T23:31:30Z", 1234567890_000000000, 0),
        ("2009-02-14T00:31:30+01:00", "2009-02-14T00:31:30+01:00", 1234567890_000000000, 0),
        ("2009-02-13T23:31:30.25Z", "2009-02-13T23:31:30.25Z", 1234567890_250000000, 2),
        (
            "2009-02-13T23:31:30.123456789-00:00",
            "2009-02-13T23:31:30.123456789-00:00",
            1234567890_123456789,
            9,
        ),
    ],
)
def test_a_time_keeps_the_precision_and_offset_it_came_with(value, text, nanoseconds, digits):
    time = device_time(value)

    assert (time.text, time.nanoseconds, time.digits) == (text, nanoseconds, digits)
    assert (time.moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    ) == nanoseconds // 1000


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (10**11 + 1, "beyond 10\\^11 seconds"),
        (1767225600000, "beyond 10\\^11 seconds"),
        (-1, "before 1970"),
        (Decimal("-0.1"), "before 1970"),
        (Decimal("1E+99999999"), "beyond 10\\^11"),
        (Decimal("NaN"), "NaN is not a time"),
        (Decimal("Infinity"), "Infinity is not a time"),
        (Decimal("1.1234567891"), "has 10 fractional digits"),
        (True, "is true or false"),
        (None, "is a NoneType"),
        (1.5, "is a float"),
        ("1767225600", "is not a time"),
        ("", "is not a time"),
        ("2026-01-31", "is not a time"),
        ("2026-01-31T12:00:00", "has no time zone"),
        ("2026-02-30T12:00:00Z", "is not a time: day is out of range"),
        ("2026-01-31T12:00:60Z", "is not a time: second must be"),
        ("2026-01-31T12:00:00.1234567891Z", "is not a time"),
        ("1969-12-31T23:59:59Z", "measuredAt 1969-12-31T23:59:59Z is before 1970"),
        ("9999-12-31T23:59:59Z", "beyond 10\\^11"),
        ("２026-01-31T12:00:00Z", "is not a time"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_and_never_guessed(value, complaint):
    with pytest.raises(InvalidTime, match=complaint) as caught:
        device_time(value, "measuredAt")

    assert (caught.value.code, caught.value.element) == ("value", "measuredAt")


def test_a_number_too_long_to_print_is_refused_like_any_other():
    with pytest.raises(InvalidTime, match="of very many digits is beyond 10\\^11"):
        device_time(10**5000)
    with pytest.raises(InvalidTime, match="of very many digits is before 1970"):
        device_time(-(10**5000))


@given(st.integers(0, 4 * 10**15), st.integers(0, 6))
def test_a_datetime_is_cut_to_the_digits_the_device_stated(microseconds, digits):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    step = 10 ** (6 - digits)
    expected = moment.replace(microsecond=moment.microsecond // step * step)

    assert from_datetime(moment, digits).moment == expected


def test_a_datetime_keeps_its_offset():
    moment = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert from_datetime(moment).text == "2026-01-31T12:00:00+05:30"


def test_a_naive_datetime_is_refused():
    with pytest.raises(InvalidTime, match="has no time zone"):
        from_datetime(datetime(2026, 1, 31))  # noqa: DTZ001


@given(st.integers(0, 10**11), st.integers(0, 9))
def test_seconds_and_text_of_one_moment_are_one_time(seconds, digits):
    fraction = f"{seconds % 10**digits:0{digits}d}" if digits else ""
    sent = Decimal(f"{seconds}.{fraction}") if digits else seconds
    time = device_time(sent) if sent <= 10**11 else device_time(10**11)

    assert device_time(time.text) == time


@pytest.mark.parametrize(
    ("clock", "offset"),
    [
        ("2026-03-29T01:59:59", 1),
        ("2026-03-29T03:00:00", 2),
        ("2026-10-25T01:59:59", 2),
        ("2026-10-25T03:00:00", 1),
    ],
)
def test_a_clock_in_a_zone_has_the_offset_of_that_day(clock, offset):
    moment = in_zone(datetime.fromisoformat(clock), ZoneInfo("Europe/Berlin"))

    assert moment.isoformat() == f"{clock}+0{offset}:00"
    assert moment + timedelta(hours=24) - moment == timedelta(hours=24)


@pytest.mark.parametrize(
    ("clock", "why"), [("2026-03-29T02:30:00", "does not exist"), ("2026-10-25T02:00:00", "is twice")]
)
def test_an_hour_that_a_zone_leaves_out_or_has_twice_is_not_guessed(clock, why):
    with pytest.raises(InvalidTime, match=f"{clock} {why} in Europe/Berlin"):
        in_zone(datetime.fromisoformat(clock), ZoneInfo("Europe/Berlin"))
