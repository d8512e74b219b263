"""Numbers as they are asked: https://hl7.org/fhir/R4/search.html#number."""

from decimal import Decimal

import pytest

from fhir_server.search.params import number


@pytest.mark.parametrize(
    ("prefix", "text", "lo", "hi"),
    [
        ("eq", "100", "99.5", "100.5"),
        ("eq", "100.00", "99.995", "100.005"),
        ("eq", "1e2", "50", "150"),
        ("eq", "-5.4", "-5.45", "-5.35"),
        ("ap", "100", "90", "110"),
        ("ap", "-100", "-110", "-90"),
        ("ap", "5.4", "4.86", "5.94"),
        ("ap", "1", "0.5", "1.5"),
        ("ap", "0", "-0.5", "0.5"),
        ("ap", "1e2", "50", "150"),
    ],
)
def test_a_number_covers_what_its_digits_leave_open_and_approximately_a_tenth_where_that_is_more(
    prefix, text, lo, hi
):
    asked = number.asked(prefix, text)

    assert (asked.lo, asked.hi) == (Decimal(lo), Decimal(hi))


@pytest.mark.parametrize(
    "text", ["", "5.", ".5", "5,4", "abc", "٥", "1e100", "1" * 41, "0x10", "NaN", "Infinity"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="is no number"):
        number.asked("eq", text)
