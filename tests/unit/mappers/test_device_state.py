import json
from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.devicemetric import DeviceMetric
from fhir.resources.R4B.observation import Observation

from mappers.device import device, device_metrics
from mappers.device_state import (
    battery_observation,
    changed,
    device_metric_saying,
    device_saying,
    state_after,
)
from mappers.device_status import DeviceStatus
from mappers.profile import device_profile
from mappers.times import device_time

RECEIVED = datetime(2026, 3, 1, tzinfo=UTC)
CALIBRATED = {"state": "calibrated", "type": "offset", "time": "2026-02-01T08:00:00.000Z"}


def status(seconds, **said):
    return DeviceStatus(device_time(seconds), RECEIVED, said)


def test_only_what_differs_and_is_later_is_a_change():
    first = status(10, battery="80", firmware="1")
    state = json.loads(json.dumps(state_after({}, first, changed(first, {}))))

    assert changed(status(20, battery="80.0", firmware="2"), state) == {"firmware": "2"}
    assert changed(status(5, battery="90"), state) == {}
    assert state_after(state, status(20), {"firmware": "2"})["battery"] == ["80", 10_000_000_000]


def test_a_device_and_its_metrics_that_say_something_are_what_the_models_accept():
    profile = device_profile("cpap")
    said = {"firmware": "2", "operation": "on", "model": "X", "calibration": CALIBRATED}
    made = device_saying(device("d1", "pi-001", profile), said)
    metrics = [device_metric_saying(each, said) for each in device_metrics("d1", profile)]

    assert Device.model_validate_json(json.dumps(made)).statusReason[0].coding[0].code == "online"
    for each in metrics:
        DeviceMetric.model_validate_json(json.dumps(each))
        assert ("calibration" in each) == (each["category"] != "setting")


def test_a_new_firmware_takes_the_place_of_the_old_one_and_of_no_other_version():
    other = {"type": {"text": "Bootloader"}, "value": "7"}
    made = device_saying({"version": [other]}, {"firmware": "1"})
    again = device_saying(made, {"firmware": "2"})

    assert [each["value"] for each in again["version"]] == ["7", "2"]


def test_what_is_about_none_of_them_leaves_them_alone():
    plain = device("d1", "pi-001", device_profile("scale"))

    assert device_saying(plain, {"battery": "80", "calibration": CALIBRATED}) is plain
    assert device_metric_saying(plain, {"firmware": "1"}) is plain
    assert battery_observation("d1", status(1), {"firmware": "1"}, b"k" * 32) is None


@pytest.mark.parametrize("level", ["0", "80", "99.5"])
def test_a_level_is_an_observation_of_the_device_with_its_own_code(level):
    made = battery_observation("d1", status(1, battery=level), {"battery": level}, b"k" * 32)

    assert str(made["valueQuantity"]["value"]) == level
    assert made["code"]["coding"][0]["system"] == "urn:fhir-server:code-system:metric"
    assert made["subject"] == made["device"] == {"reference": "Device/d1"}
    Observation.model_validate_json(json.dumps(made, default=float))
    assert made["id"] == battery_observation("d1", status(1), {"battery": level}, b"k" * 32)["id"]
