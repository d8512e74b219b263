"""Observations as plain values."""

from fhir_server.json import dumps, stored
from fhir_server.rest.api.live_value import live_values


def told(**members):
    text = dumps({"id": "o", "code": {"text": "Pulse"}} | members)
    return [(each["name"], each["value"], each["text"], each["absent"]) for each in live_values(stored(text))]


def test_components_are_values_of_their_own():
    component = {"code": {"coding": [{"display": "Systolic"}]}, "valueQuantity": {"value": 120}}
    without = {"code": {"text": "Mean"}}
    assert told(component=[component, without]) == [("Systolic", 120, None, None)]


def test_samples_are_left_to_those_who_draw_them():
    assert told(valueSampledData={"dimensions": 1}) == []


def test_a_code_is_told_by_its_text_before_its_display():
    concept = {"coding": [{"code": "A", "display": "Alert"}]}
    assert told(valueCodeableConcept=concept)[0][2] == "Alert"
    assert told(valueCodeableConcept=concept | {"text": "awake"})[0][2] == "awake"


def test_the_time_of_a_period_is_its_start():
    period = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    (value,) = live_values({"id": "o", "code": {}, "valueString": "x", "effectivePeriod": period})
    assert value["effective"] == "2026-01-01T00:00:00Z"
