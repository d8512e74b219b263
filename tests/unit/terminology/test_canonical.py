"""UCUM units in base units: https://ucum.org/ucum#section-Semantics."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest

from terminology.canonical import Canonical, canonical, computed
from terminology.frequent_units import FREQUENT


def in_base_units(value: str, code: str) -> tuple[str, Fraction]:
    found = canonical(code)
    assert found is not None
    return found.dimension, (Fraction(value) * Fraction(found.factor) + Fraction(found.shift)) / Fraction(
        found.divisor
    )


@pytest.mark.parametrize("code", FREQUENT)
def test_every_written_out_unit_is_what_the_tables_of_ucum_give(code):
    assert canonical(code) == computed(code)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("37", "Cel"), ("98.6", "[degF]")),
        (("37", "Cel"), ("310.15", "K")),
        (("29.6", "[degRe]"), ("37", "Cel")),
        (("1", "mm[Hg]"), ("0.133322", "kPa")),
        (("60", "/min"), ("1", "Hz")),
        (("60", "{beats}/min"), ("1", "/s")),
        (("1", "g/dL"), ("10", "g/L")),
        (("1", "g%"), ("1", "g/dL")),
        (("1", "10*9/L"), ("1", "10*3/uL")),
        (("1", "[lb_av]"), ("0.45359237", "kg")),
        (("1", "U"), ("1", "umol/min")),
        (("1", "m[IU]/L"), ("1", "u[IU]/mL")),
        (("1", "meq/L"), ("1", "mmol/L")),
        (("5", "{score}"), ("5", "1")),
        (("50", "%"), ("0.5", "1")),
        (("5", "(g.m)/s2"), ("5", "g.m.s-2")),
        (("1", "mL/min/{1.73_m2}"), ("1", "mL/min")),
    ],
)
def test_equal_measures_are_equal_in_base_units(one, other):
    assert in_base_units(*one) == in_base_units(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mmol/L", "mg/dL"),
        ("mmol/L", "10*9/L"),
        ("[IU]/L", "/L"),
        ("[IU]", "[arb'U]"),
        ("deg", "%"),
        ("Cel", "1"),
        ("m", "m2"),
        ("J", "W"),
    ],
)
def test_what_measures_different_things_has_different_dimensions(one, other):
    assert canonical(one).dimension != canonical(other).dimension


@pytest.mark.parametrize(
    "code",
    [
        "[pH]",
        "dB",
        "B[SPL]",
        "Np",
        "[p'diop]",
        "mCel",
        "Cel/min",
        "bpm",
        "",
        "mm[Hg",
        "°C",
        "m" * 101,
        "10*41",
        "m99999999",
        "((((((g",
        "." * 100,
        "(" * 50 + "g" + ")" * 50 + "/",
    ],
)
def test_what_has_no_size_or_is_no_unit_is_compared_as_written(code):
    assert canonical(code) is None


def test_a_size_is_written_in_whole_numbers():
    assert canonical("[degF]") == Canonical("K1", Decimal(100), Decimal(45967), Decimal(180))


def test_frequent_units_load_no_unit_library():
    code = "import sys; from terminology.canonical import canonical; canonical('mmol/L'); sys.exit('pint' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
