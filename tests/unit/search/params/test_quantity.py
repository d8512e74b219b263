"""Numbers and quantities: https://hl7.org/fhir/R4/search.html#number and #quantity."""

from decimal import Decimal

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.search.params import number, quantity

UCUM = "http://unitsofmeasure.org"


def stored(value: str, **others: object) -> quantity.Entry:
    entry = quantity.READ["Quantity"](
        {"value": Decimal(value), "system": UCUM, "code": "mg", "unit": "milligram"} | others
    )
    assert entry is not None
    return entry


def finds(text: str, entry: quantity.Entry) -> bool:
    prefix, rest = ("eq", text) if text[0].isdigit() or text[0] == "-" else (text[:2], text[2:])
    return quantity.matches(quantity.asked(prefix, tuple(rest.split("|"))), entry)


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "50", "150"),
        ("5.4", "5.35", "5.45"),
        ("5.40e-3", "0.005395", "0.005405"),
        ("-5.4", "-5.45", "-5.35"),
        ("0", "-0.5", "0.5"),
    ],
)
def test_the_digits_given_are_the_range_asked_for(text, lo, hi):
    wanted = number.asked("eq", text)

    assert (wanted.lo, wanted.hi) == (Decimal(lo), Decimal(hi))


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("5.4", "5.35", True),
        ("5.4", "5.449", True),
        ("5.4", "5.45", False),
        ("5.4", "5.349", False),
        ("ne5.4", "5.4", False),
        ("ne5.4", "5.5", True),
        ("gt5.4", "5.4", False),
        ("gt5.4", "5.40000001", True),
        ("ge5.4", "5.4", True),
        ("ge5.4", "5.39", False),
        ("lt5.4", "5.4", False),
        ("lt5.4", "5.3999", True),
        ("le5.4", "5.40", True),
        ("le5.4", "5.41", False),
        ("sa5.4", "5.41", True),
        ("sa5.4", "5.4", False),
        ("eb5.4", "5.39", True),
        ("eb5.4", "5.4", False),
        ("ap100", "110", True),
        ("ap100", "90", True),
        ("ap100", "111", False),
        ("ap-100", "-105", True),
    ],
)
def test_comparisons_take_the_number_as_exact_and_equality_its_range(text, value, found):
    assert finds(text, stored(value)) is found


@pytest.mark.parametrize(
    ("comparator", "finds_", "misses"),
    [
        ("<", "lt5 le5 lt4 le4 ne5 eb5", "gt5 ge5 5 sa4"),
        ("<=", "le5 ge5 lt5", "gt5 eb5 5"),
        (">", "gt5 ge5 gt6 sa5", "lt5 le5 eb9 5"),
        (">=", "ge5 le5 gt5", "lt5 sa5 5"),
    ],
)
def test_a_comparator_opens_the_range(comparator, finds_, misses):
    entry = stored("5", comparator=comparator)

    assert [text for text in finds_.split() if not finds(text, entry)] == []
    assert [text for text in misses.split() if finds(text, entry)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5", True),
        (f"5|{UCUM}|mg", True),
        (f"5|{UCUM}|g", False),
        ("5|http://other|mg", False),
        ("5||mg", True),
        ("5||milligram", True),
        ("5||g", False),
        (f"5|{UCUM}|milligram", False),
    ],
)
def test_a_unit_is_asked_by_system_and_code_or_by_how_it_is_written(text, found):
    assert finds(text, stored("5")) is found


@pytest.mark.parametrize(
    "parts", [("5", "mg"), ("5", "", ""), ("5", UCUM, ""), ("5", "a", "b", "c"), ("five",), ("",)]
)
def test_what_is_no_quantity_is_refused(parts):
    with pytest.raises(ValueError, match="is no"):
        quantity.asked("eq", parts)


def test_sampled_data_is_found_by_the_bounds_of_its_values():
    entry = quantity.READ["SampledData"](
        {"origin": {"value": 10, "code": "mV"}, "factor": Decimal("0.5"), "data": "1 E 9 -3 U L"}
    )

    assert entry is not None
    assert entry.range == (Decimal("8.5"), Decimal("14.5"))


def test_a_range_without_a_low_end_is_open_there():
    entry = quantity.READ["Range"]({"high": {"value": 5, "code": "mg"}})

    assert entry is not None
    assert entry.range == (Decimal("-Infinity"), 5)


def test_money_has_its_currency_as_unit():
    entry = quantity.READ["Money"]({"value": Decimal("9.99"), "currency": "EUR"})

    assert finds("9.99|urn:iso:std:iso:4217|EUR", entry)


def test_a_quantity_without_a_value_cannot_be_compared():
    assert quantity.READ["Quantity"]({"code": "mg"}) is None


@pytest.mark.parametrize(
    ("text", "found", "missed"),
    [
        pytest.param(
            f"5.4|{UCUM}|mg",
            ["5.35 mg", "5.449 mg", "0.0054 g", "5400 ug"],
            ["5.34 mg", "5.45 mg", "5.4 g", "5.4 mg/dL"],
            id="a value of 5.4(+/-0.05) mg where mg is understood as a UCUM unit",
        ),
        pytest.param(
            f"5.40e-3|{UCUM}|g",
            ["0.0054 g", "0.005395 g", "5.4 mg"],
            ["0.005405 g", "5.3 mg", "5.405 mg"],
            id="0.0054(+/-0.00005) g",
        ),
        pytest.param(
            "5.4||mg",
            ["5.4 mg", "5.35 mg"],
            ["0.0054 g", "5.4 g"],
            id="the unit mg by its code or as it is read",
        ),
        pytest.param("5.4", ["5.4 mg", "5.4 mmol/L", "5.4 bpm"], ["5.5 mg"], id="irrespective of the unit"),
        pytest.param(
            f"le5.4|{UCUM}|mg",
            ["5.4 mg", "-1 mg", "0.0054 g"],
            ["5.41 mg", "0.00541 g"],
            id="less than or equal to 5.4 mg exactly",
        ),
        pytest.param(
            f"ap5.4|{UCUM}|mg",
            ["5.9 mg", "0.0049 g"],
            ["6.0 mg", "5.4 g"],
            id="about 5.4 mg, a tenth on both sides",
        ),
        pytest.param(
            f"37.0|{UCUM}|Cel",
            ["98.6 [degF]", "98.51 [degF]", "310.15 K"],
            ["98.7 [degF]", "37 K"],
            id="a scale with its own zero",
        ),
        pytest.param(f"ge1|{UCUM}|Hz", ["60 /min", "60 {beats}/min"], ["59.99 /min"], id="thirds are exact"),
        pytest.param(f"5|{UCUM}|mmol/L", ["5000 umol/L"], ["90 mg/dL", "5 mg/dL"], id="amount is not mass"),
        pytest.param(f"5|{UCUM}|[pH]", ["5 [pH]"], ["5 1", "5 mol/L"], id="a logarithm as written only"),
        pytest.param(f"5|{UCUM}|bpm", ["5 bpm"], ["5 /min"], id="what UCUM does not have as written only"),
    ],
)
def test_quantities_compare_as_the_specification_says(text, found, missed):
    def finds_(measure: str) -> bool:
        value, code = measure.split(" ")
        return finds(text, stored(value, code=code, unit=code))

    assert [measure for measure in found if not finds_(measure)] == []
    assert [measure for measure in missed if finds_(measure)] == []


def test_a_unit_of_another_system_is_never_taken_for_one_of_ucum():
    entry = stored("5", system="http://other", code="mg")

    assert not finds(f"5|{UCUM}|mg", entry)
    assert finds("5|http://other|mg", entry)


def test_a_unit_too_long_to_be_kept_is_refused_and_not_left_out():
    with pytest.raises(Unprocessable, match="at most 1000"):
        quantity.unit(UCUM, "mg", "x" * 1000)
