from decimal import Decimal

import pytest

from mappers.addition import joined


def panel(*members, **more):
    return {"resourceType": "Observation", "hasMember": [{"reference": each} for each in members]} | more


def component(code, value):
    return {"code": {"coding": [{"system": "s", "code": code}]}, "valueQuantity": {"value": value}}


def pressure(**values):
    return {"resourceType": "Observation", "component": [component(*each) for each in values.items()]}


def test_members_are_added_in_the_order_they_came_and_none_is_lost():
    stored, sent = panel("Observation/a", "Observation/b"), panel("Observation/c", "Observation/a")
    assert joined(stored, sent, replaces=False) == panel("Observation/a", "Observation/b", "Observation/c")
    assert stored == panel("Observation/a", "Observation/b")


def test_a_correction_keeps_the_members_that_it_does_not_name():
    stored, sent = panel("Observation/a", note="old"), panel("Observation/b", status="final")
    assert joined(stored, sent, replaces=True) == panel("Observation/a", "Observation/b", status="final")


def test_a_component_is_added_to_those_that_are_the_same_however_a_number_is_written():
    stored, sent = pressure(sys=120, dia=80), pressure(sys=Decimal("120.0"), dia=80, mean=93)
    assert joined(stored, sent, replaces=False) == pressure(sys=120, dia=80, mean=93)
    assert joined(sent, stored, replaces=False) == sent


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        (pressure(sys=120, dia=80), pressure(sys=121, dia=80, mean=93)),
        ({"valueQuantity": {"value": 97}}, {"valueQuantity": {"value": 96}}),
        (panel("Observation/a", conclusion="sinus rhythm"), panel("Observation/a", conclusion="flutter")),
        (pressure(sys=120), panel("Observation/a", valueQuantity={"value": 1})),
    ],
)
def test_what_contradicts_is_no_addition(stored, sent):
    assert joined(stored, sent, replaces=False) is None


def test_a_correction_replaces_values_and_components():
    stored, sent = pressure(sys=120, dia=80, mean=93), pressure(sys=121, dia=80)
    assert joined(stored, sent, replaces=True) == sent


def test_what_people_noted_on_a_panel_stays_and_it_is_issued_anew():
    stored = panel("Observation/a", note=[{"text": "walking"}], issued="2026-01-01T00:00:00.000Z")
    sent = panel("Observation/b", issued="2026-01-02T00:00:00.000Z")
    found = joined(stored, sent, replaces=False)
    assert (found["note"], found["issued"]) == ([{"text": "walking"}], "2026-01-02T00:00:00.000Z")
