from datetime import date

import pytest

from fhir_server.validation.dates import is_before
from fhir_server.validation.grammar import matches, pattern


def exists(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


def test_the_grammar_of_days_is_the_calendar():
    years = [1, 4, 100, 400, *range(1896, 1905), *range(1996, 2005), 2023, 2024, 2100, 9999]
    days = [(year, month, day) for year in years for month in range(14) for day in range(33)]
    wrong = [
        day for day in days if matches(pattern("date"), "{:04}-{:02}-{:02}".format(*day)) != exists(*day)
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "text", ["0000", "24", "2024-13", "2024-00", "2024-2", "2024-02-29T", "2024-02-29 ", " 2024", "２０２４"]
)
def test_what_is_no_date(text: str):
    assert not matches(pattern("date"), text)


@pytest.mark.parametrize(
    ("zone", "right"),
    [
        ("Z", True),
        ("+14:00", True),
        ("-13:59", True),
        ("+14:01", False),
        ("+15:00", False),
        ("z", False),
        ("", False),
    ],
)
def test_an_instant_has_a_zone_of_at_most_fourteen_hours(zone: str, right: bool):
    assert matches(pattern("instant"), f"2024-02-29T23:59:59.123{zone}") is right


def test_a_line_break_at_the_end_is_part_of_the_text():
    assert not matches(pattern("id"), "a\n")
    assert matches(pattern("string"), "a\n")


def test_a_no_break_space_is_no_blank():
    assert matches(pattern("code"), "a\u00a0b")
    assert not matches(pattern("code"), "a  b")


@pytest.mark.parametrize(
    ("earlier", "later", "wrong"),
    [
        ("2024-01-02", "2024-01-01", True),
        ("2024-01-02", "2024-01", False),
        ("2024-02", "2024-01-31", True),
        ("2024-01-01T10:00:00Z", "2024-01-01", False),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00.000Z", False),
        ("2024-01-01T10:00:00+02:00", "2024-01-01T09:00:00Z", False),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00", True),
        ("2024-01-01T10:00:00.1234567Z", "2024-01-01T10:00:00.1234566Z", True),
        ("2024-01-01T10:00:00.50Z", "2024-01-01T10:00:00.5Z", False),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", False),
        ("2023-12-31T23:59:60Z", "2024-01-01T00:00:00Z", False),
    ],
)
def test_an_order_is_wrong_only_where_the_precision_decides_it(earlier: str, later: str, wrong: bool):
    assert is_before(later, earlier) is wrong
