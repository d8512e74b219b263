"""Dates as ranges: the cases of https://hl7.org/fhir/R4/search.html#date."""

from datetime import UTC, datetime

import pytest

from fhir_server.search.params import date

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("2013", "2013-01-01", "2014-01-01"),
        ("2013-01", "2013-01-01", "2013-02-01"),
        ("2013-12", "2013-12-01", "2014-01-01"),
        ("2012-02-29", "2012-02-29", "2012-03-01"),
        ("2013-01-14T10:00", "2013-01-14T10:00", "2013-01-14T10:01"),
        ("2013-01-14T10:00:00", "2013-01-14T10:00:00", "2013-01-14T10:00:01"),
        ("2013-01-14T10:00:00Z", "2013-01-14T10:00:00", "2013-01-14T10:00:01"),
        ("2013-01-14T10:00:00.5Z", "2013-01-14T10:00:00.500", "2013-01-14T10:00:00.600"),
        ("2013-01-14T10:00:00.123Z", "2013-01-14T10:00:00.123", "2013-01-14T10:00:00.124"),
        ("2013-01-14T10:00:00.1234567Z", "2013-01-14T10:00:00.123456", "2013-01-14T10:00:00.123457"),
        ("2013-01-14T10:00:00+11:00", "2013-01-13T23:00:00", "2013-01-13T23:00:01"),
        ("2013-01-14T20:30:00-05:00", "2013-01-15T01:30:00", "2013-01-15T01:30:01"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59", "2017-01-01T00:00:00"),
    ],
)
def test_a_date_covers_what_its_precision_leaves_open_in_utc(text, lo, hi):
    assert date.span(text) == (at(lo), at(hi))


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59Z"])
def test_the_last_moment_of_the_calendar_has_an_open_end(text):
    assert date.span(text).hi == date.MAX


def test_a_moment_before_the_calendar_in_utc_is_the_first_one():
    assert date.span("0001-01-01T00:00:00+14:00").lo == date.MIN


@pytest.mark.parametrize(
    ("period", "lo", "hi"),
    [
        ({"start": "2013-01-01", "end": "2013-01-02"}, at("2013-01-01"), at("2013-01-03")),
        ({"start": "2013-01-01"}, at("2013-01-01"), date.MAX),
        ({"end": "2013"}, date.MIN, at("2014-01-01")),
    ],
)
def test_a_missing_end_of_a_period_is_open(period, lo, hi):
    assert date.READ["Period"](period) == (lo, hi)


def test_a_period_without_ends_is_at_no_time():
    assert date.READ["Period"]({"extension": []}) is None


@pytest.mark.parametrize(
    ("timing", "lo", "hi"),
    [
        ({"event": ["2013-01-05", "2013-01-01"]}, at("2013-01-01"), at("2013-01-06")),
        ({"repeat": {"boundsPeriod": {"start": "2013", "end": "2013"}}}, at("2013-01-01"), at("2014-01-01")),
    ],
)
def test_a_timing_covers_its_events_and_bounds(timing, lo, hi):
    assert date.READ["Timing"](timing) == (lo, hi)


def test_a_timing_without_events_or_bounds_is_at_no_time():
    assert date.READ["Timing"]({"code": {"text": "BID"}}) is None


# what is stored, then for each prefix whether 2013-03-14 finds it
DAY = "2013-03-14"
STORED = {
    "the day itself": ("2013-03-14", "eq ge le ap"),
    "a moment of it": ("2013-03-14T12:00:00Z", "eq ge le ap"),
    "its first moment": ("2013-03-14T00:00:00Z", "eq ge le ap"),
    "the moment after it": ("2013-03-15T00:00:00Z", "ne gt ge sa"),
    "the last moment before it": ("2013-03-13T23:59:59Z", "ne lt le eb"),
    "a moment of it elsewhere": ("2013-03-15T05:00:00+11:00", "eq ge le ap"),
    "its month": ("2013-03", "ne gt lt ge le ap"),
    "the month before": ("2013-02", "ne lt le eb"),
    "the month after": ("2013-04", "ne gt ge sa"),
}


@pytest.mark.parametrize("prefix", ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
@pytest.mark.parametrize("case", STORED)
def test_a_prefix_finds_exactly_the_ranges_that_lie_as_it_says(prefix, case):
    stored, finds = STORED[case]
    wanted = date.asked(prefix, DAY, at(DAY))  # now, so that `ap` is no wider than the day

    assert date.matches(wanted, date.span(stored)) is (prefix in finds.split())


@pytest.mark.parametrize(
    ("prefix", "start", "end", "found"),
    [
        ("gt", "2013-01-01", None, True),
        ("sa", "2013-01-01", None, False),
        ("lt", None, "2013-05-01", True),
        ("eb", None, "2013-03-13", True),
        ("eb", None, "2013-05-01", False),
        ("eq", "2013-01-01", None, False),
        ("ge", "2013-03-13T12:00:00Z", "2013-03-14T12:00:00Z", False),
        ("ge", "2013-03-13T12:00:00Z", "2013-03-15", True),
        ("le", "2013-03-14T12:00:00Z", "2013-03-15", False),
        ("ap", "2013-03-13", "2013-03-20", True),
    ],
)
def test_a_period_is_compared_by_both_its_ends(prefix, start, end, found):
    period = {name: value for name, value in (("start", start), ("end", end)) if value}

    assert date.matches(date.asked(prefix, DAY, NOW), date.READ["Period"](period)) is found


def test_approximately_is_a_tenth_of_the_time_until_now():
    wanted = date.asked("ap", "2025-12-22", NOW)

    assert date.matches(wanted, date.span("2025-12-21T00:00:00Z"))
    assert not date.matches(wanted, date.span("2025-12-20T23:59:59Z"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "13",
        "2013-1",
        "2013-01-01T10",
        "2013-01-01 10:00",
        "2013-02-30",
        "2013-01-01T25:00:00Z",
        "20130101",
        "2013-01-01T10:00:00z",
        "0000",
        "2013Z",
        "gt2013",
        "2013-01-01T24:00:00Z",
        "2013-01-01T10:00:00+99:00",
    ],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match="is no date"):
        date.asked("eq", text, NOW)


@pytest.mark.parametrize("prefix", ["eq", "gt", "ge", "ap", "sa"])
@pytest.mark.parametrize("asked", ["2013", "2013-03-14", "2013-03-14T10:00:00Z"])
@pytest.mark.parametrize(
    "stored", ["2013-03-14", "2013-03-13", "2013-03-14T09:59:59.9Z", "2013-12-31", "2012-12-31"]
)
def test_no_narrow_match_starts_before_the_floor(prefix, asked, stored):
    wanted, entry = date.asked(prefix, asked, NOW), date.span(stored)

    assert not date.matches(wanted, entry) or entry.lo >= date.floor(wanted)
