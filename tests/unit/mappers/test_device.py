import json

import pytest
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.devicemetric import DeviceMetric
from fhir.resources.R4B.deviceusestatement import DeviceUseStatement

from mappers.device import assignment, device, device_metrics
from mappers.profile import PROFILES, device_profile


@pytest.mark.parametrize("key", PROFILES)
def test_a_device_is_what_the_models_accept(key):
    made = device("d1", "pi-001", device_profile(key))

    assert Device.model_validate_json(json.dumps(made)).id == "d1"


def test_the_name_is_an_identifier_and_never_the_id():
    made = device("0198-d1", "pi-001", device_profile("pulse-oximeter"))

    assert made["id"] == "0198-d1"
    assert made["identifier"] == [{"system": "urn:fhir-server:device-name", "value": "pi-001"}]
    assert made["type"] == {
        "coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "528388"}],
        "text": "Pulse oximeter",
    }


def test_every_field_is_a_device_metric():
    made = device_metrics("d1", device_profile("ecg-monitor"))

    assert len({each["id"] for each in made}) == len(made) == len(device_profile("ecg-monitor").rules)
    assert made == device_metrics("d1", device_profile("ecg-monitor"))
    assert {each["category"] for each in made} == {"calculation"}
    assert made[0]["unit"] == {
        "coding": [{"system": "http://unitsofmeasure.org", "code": "/min"}],
        "text": "beats/minute",
    }
    for each in made:
        assert DeviceMetric.model_validate_json(json.dumps(each)).source.reference == "Device/d1"


@pytest.mark.parametrize("end", [None, "2026-02-28T12:00:00Z"])
def test_an_assignment_runs_from_its_start_until_its_end_or_further_notice(end):
    made = assignment("a1", "d1", "p1", "2026-01-31T12:00:00Z", end)

    DeviceUseStatement.model_validate_json(json.dumps(made))
    assert made["timingPeriod"].get("end") == end
    assert (made["subject"], made["device"]) == ({"reference": "Patient/p1"}, {"reference": "Device/d1"})
