from contextlib import suppress
from decimal import Decimal

import pytest

from mappers.errors import NotSelectable
from mappers.selection import LONGEST, selection

MESSAGE = {
    "deviceId": "w-1",
    "body": {"hr": 72, "temp": Decimal("36.60"), "spo2": "97.50", "worn": False, "name": "wrist"},
    "sensors": [{"kind": "hr", "value": 72, "quality": 3}, {"kind": "spo2", "value": 97, "quality": 1}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("body.hr", 72),
        ("body.temp", Decimal("36.60")),
        ("body.worn", False),
        ("body.pulse", None),
        ("body.hr.value", None),
        ("sensors[0].value", 72),
        ("sensors[?kind=='spo2'].value | [0]", 97),
        ("sensors[?quality > `2`].value | [0]", 72),
        ("sensors[?starts_with(kind, 'sp')].value | [0]", 97),
        ("not_null(body.pulse, body.hr)", 72),
        ("body.pulse || body.hr", 72),
        ("to_number(body.spo2)", Decimal("97.50")),
        ("to_number(body.temp)", Decimal("36.60")),
        ("to_number(body.name)", "wrist"),
        ("to_number(body.worn)", False),
        ("to_number(body.pulse)", None),
        ('"deviceId"', "w-1"),
        ("sensors[].value", [72, 97]),
        ("sensors[::-1].value | [0]", 97),
    ],
)
def test_what_was_sent_is_selected_to_the_last_digit(path, found):
    selected = selection(path).of(MESSAGE)

    assert (selected, str(selected)) == (found, str(found))


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("body.", "is no JMESPath"),
        ("", "is no JMESPath"),
        ("body.hr[", "is no JMESPath"),
        ("`60`", "has the value 60 of its own"),
        ("body.hr || `60`", "has the value 60 of its own"),
        ("not_null(body.hr, 'none')", "has the value 'none' of its own"),
        ("[@, @][] | [@, @][]", r"has a list put together"),
        ("{a: body.hr}", "has an object put together"),
        ("sort_by(sensors, &value)[0].value", "has the function `sort_by`"),
        ("sum(sensors[].value)", "has the function `sum`"),
        ("sensors[::0].value", "has a step of 0"),
        ("a" * (LONGEST + 1), "has 201 characters"),
        ("body.x == `unquoted`", "is no JMESPath"),
    ],
)
def test_a_path_that_is_wrong_or_could_make_a_value_up_or_grow_is_refused(path, complaint):
    with pytest.raises(NotSelectable, match=complaint.replace("(", r"\(")):
        selection(path)


@pytest.mark.parametrize("path", ["contains(body.hr, '7')", "sensors[?kind > `2`].value", "to_number()"])
def test_a_path_that_does_not_apply_to_what_was_sent_says_so(path):
    with pytest.raises(NotSelectable, match="does not apply"):
        selection(path).of(MESSAGE)


@pytest.mark.parametrize("character", ["(", "!", "[", "a."])
def test_the_deepest_path_there_can_be_is_refused_or_taken_and_nothing_else(character):
    with suppress(NotSelectable):
        selection(character * (LONGEST // len(character))).of(MESSAGE)
