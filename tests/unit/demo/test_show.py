"""A resource in a line."""

from fhir_server.demo.show import told


def test_an_observation_is_told_by_its_codes_and_value():
    observation = {
        "resourceType": "Observation",
        "id": "o1",
        "code": {
            "text": "Oxygen saturation",
            "coding": [
                {"system": "http://loinc.org", "code": "59408-5"},
                {"system": "urn:iso:std:iso:11073:10101", "code": "150456"},
            ],
        },
        "valueQuantity": {"value": 97, "unit": "%"},
    }
    assert told(observation) == "Observation/o1 · Oxygen saturation · LOINC 59408-5 = MDC 150456 · 97 %"


def test_components_are_told_one_after_the_other():
    panel = {
        "resourceType": "Observation",
        "id": "o2",
        "component": [{"valueQuantity": {"value": 120, "code": "mm[Hg]"}}, {"valueQuantity": {"value": 80}}],
    }
    assert told(panel) == "Observation/o2 · 120 mm[Hg] / 80"
