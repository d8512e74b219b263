import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.errors import InvalidUnit, NotConvertible
from terminology.ucum import _EXACT, Conversion, computed, conversion, is_ucum
from tests.unit.terminology.essence import sizes

MERCURY = Fraction(3, 10**6)
"""pint makes mercury from its density, UCUM fixes 133.322 Pa: the two differ by 2.9 millionths."""


@pytest.mark.parametrize("code", ["/min", "%", "Cel", "[degF]", "mm[Hg]", "deg", "{score}", "kg/m2", "ms"])
def test_a_ucum_code_is_one(code):
    assert is_ucum(code)


@pytest.mark.parametrize(
    "text", ["bpm", "mmHg", "degC", "count/min", "[deg]", "", "°C", "beats per minute", "MM[HG"]
)
def test_what_people_write_is_no_ucum_code(text):
    assert not is_ucum(text)


@pytest.mark.parametrize("known", _EXACT, ids=lambda each: f"{each.source} to {each.target}")
def test_every_written_out_conversion_is_what_ucumvert_works_out(known):
    worked_out = computed(known.source, known.target)

    assert worked_out.offset == known.offset
    tolerance = MERCURY if known.target == "mm[Hg]" else 0
    assert abs(worked_out.factor / known.factor - 1) <= tolerance


@pytest.mark.parametrize(
    ("source", "target", "value", "result"),
    [
        ("[degF]", "Cel", Decimal("98.6"), "37.00"),
        ("[degF]", "Cel", Decimal("98.4"), "36.89"),
        ("[degF]", "Cel", 212, "100.0"),
        ("K", "Cel", Decimal("310.15"), "37.00"),
        ("s", "ms", Decimal("0.160"), "160"),
        ("s", "ms", Decimal("0.1604"), "160.4"),
        ("kPa", "mm[Hg]", Decimal("16.0"), "120.0"),
        ("[lb_av]", "kg", Decimal("150.0"), "68.04"),
        ("Hz", "/min", Decimal("1.25"), "75.0"),
        ("m", "cm", Decimal("1.82"), "182"),
        ("/min", "/min", Decimal("75.00"), "75.00"),
    ],
)
def test_a_value_is_rounded_no_coarser_than_its_own_last_digit(source, target, value, result):
    assert str(conversion(source, target).apply(value)) == result


@given(
    known=st.sampled_from(_EXACT),
    value=st.decimals(-1000, 10000, places=3) | st.integers(-1000, 10000) | st.decimals(0, 50, places=1),
)
@settings(max_examples=300, deadline=None)
def test_converting_loses_nothing_that_the_device_said(known, value):
    exact = known.exact(value)
    converted = known.apply(value)
    step = Fraction(10) ** (value.as_tuple().exponent if isinstance(value, Decimal) else 0)

    assert exact == Fraction(value) * known.factor + known.offset
    assert abs(Fraction(converted) - exact) <= step * known.factor / 2
    back = (Fraction(converted) - known.offset) / known.factor
    assert abs(back - Fraction(value)) <= step / 2


def test_the_identity_returns_the_value_itself():
    value = Decimal("1.00")

    assert conversion("%", "%").apply(value) is value


def test_a_rare_pair_is_worked_out():
    assert conversion("h", "min") == Conversion("h", "min", Fraction(60))


def test_units_of_different_things_are_not_convertible():
    with pytest.raises(NotConvertible, match=r"mm\[Hg\] cannot become /min"):
        conversion("mm[Hg]", "/min")


def test_a_text_that_is_no_unit_is_not_convertible():
    with pytest.raises(InvalidUnit, match="'bpm' is not a UCUM code"):
        conversion("bpm", "/min")


def test_a_logarithmic_unit_is_not_convertible():
    with pytest.raises(NotConvertible):
        conversion("[pH]", "mol/L")


@pytest.mark.parametrize(
    ("source", "target"),
    [("{score}", "{steps}"), ("%", "{score}"), ("1", "{steps}"), ("10.L/min", "L/min"), ("/(10.s)", "/min")],
)
def test_words_alone_and_numbers_in_a_unit_are_not_converted(source, target):
    with pytest.raises(NotConvertible):
        conversion(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [("[Cal]", "kcal"), ("[Cal]/d", "kcal/d"), ("'", "min"), ("dB", "1"), ("B[V]", "uV"), ("[hp'_X]", "1")],
)
def test_a_unit_that_the_library_takes_for_another_size_is_not_converted(source, target):
    with pytest.raises(NotConvertible, match="Send another unit"):
        conversion(source, target)


def test_every_unit_that_is_converted_has_the_size_that_ucum_says():
    judged = 0
    for code, (size, dimension) in sizes().items():
        try:
            factor = computed(code, dimension).factor
        except NotConvertible:
            continue
        assert abs(factor / size - 1) < Fraction(1, 10**5), code
        judged += 1
    assert judged > 200


def test_common_units_load_no_unit_library():
    program = (
        "import sys; from terminology.ucum import conversion; conversion('[degF]', 'Cel');"
        "conversion('%', '%'); sys.exit('pint' in sys.modules or 'ucumvert' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
