from decimal import Decimal

import pytest

from fhir_server.errors import InvalidJson
from fhir_server.json import decimal, dumps, parse, pretty, stored


def body(number):
    return b'{"resourceType":"Observation","valueQuantity":{"value":' + number.encode() + b"}}"


def value(tree):
    return decimal(tree["valueQuantity"]["value"])


@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-7",
        "1.00",
        "0.10",
        "1e-7",
        "1.5E+3",
        "9223372036854775808",
        "18446744073709551616",
        "-" + "9" * 40,
    ],
)
def test_a_number_keeps_its_digits_from_text_to_text(number):
    assert dumps(parse(body(number))) == body(number)


@pytest.mark.parametrize(
    "number",
    ["1" + "0" * 41, "0." + "0" * 40 + "1", "1." + "0" * 60, "1e250", "1e-250", "9" * 40 + "e250"],
)
def test_zeros_around_the_other_digits_are_not_counted(number):
    assert value(parse(body(number))) == Decimal(number)


@pytest.mark.parametrize("number", ["1e250", "-1e-250", "9" * 40 + "e250", "0." + "9" * 39 + "e-250"])
def test_a_number_that_was_taken_is_taken_without_its_exponent_too(number):
    written = f"{Decimal(number):f}"
    assert value(parse(body(written))) == Decimal(number)


@pytest.mark.parametrize(
    "number",
    [
        "1" * 41,
        "1." + "0" * 39 + "1",
        "1e251",
        "1e-251",
        "1e" + "9" * 5000,
        "1e-" + "9" * 5000,
        "1" + "0" * 300,
        "1" + "0" * 100 + "e250",
    ],
)
def test_a_number_that_could_not_be_kept_is_refused_by_its_element(number):
    with pytest.raises(InvalidJson, match=r"^Observation\.valueQuantity\.value: the number "):
        parse(body(number))


def test_an_integer_beyond_what_python_reads_is_refused():
    with pytest.raises(InvalidJson):
        parse(body("1" * 5000))


def test_an_exponent_may_begin_with_zeros():
    assert value(parse(body("1e-" + "0" * 5000 + "7"))) == Decimal("1e-7")


def test_an_integer_of_any_length_is_written_in_every_manner():
    tree = {"a": [2**64, {"b": -(10**250)}], "c": 1}
    assert dumps(tree) == b'{"a":[18446744073709551616,{"b":-1%s}],"c":1}' % (b"0" * 250)
    assert stored(pretty(tree)) == tree


def test_what_is_no_json_is_not_written():
    with pytest.raises(TypeError, match="not JSON serializable: set"):
        dumps({"a": {1}})


def test_a_stored_text_is_read_beyond_what_is_taken_from_a_client():
    tree = stored(body("1" * 300).decode())
    assert value(tree) == Decimal("1" * 300)
    assert dumps(tree) == body("1" * 300)


@pytest.mark.parametrize("text", ["", "}]}]", "[{[{", '\\"[[\\\\', "1e999", "\\u007b" * 70, "a,1e999,2"])
def test_nesting_is_counted_to_the_last_level_whatever_stands_in_strings(text):
    def nested(levels):
        inside = b'"' + text.encode() + b'"'
        for level in range(levels - 1):
            inside = b"[" + inside + b"]" if level % 2 else b'{"a":' + inside + b',"[":"{"}'
        return b'{"resourceType":"Basic","x":' + inside + b"}"

    assert parse(nested(60))
    with pytest.raises(InvalidJson, match="nested more than 60 levels"):
        parse(nested(61))


def test_an_exponent_beside_strings_with_escapes_is_found():
    with pytest.raises(InvalidJson, match=r"^Basic\.b: the number 1e999 "):
        parse(b'{"resourceType":"Basic","a":"\\\\","b":1e999,"c":"\\""}')
