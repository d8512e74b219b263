from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ingest.decoders import reading, vitals
from ingest.decoders.batch import json_batch
from ingest.ports import Device
from mappers.reading import Reading

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICE = Device(1, "uuid-1", "pi-001", "pulse-oximeter", False, (), (), NOW)


def decoded(text, decode=reading.decode):
    return decode(json_batch(text.encode(), 1).items[0], DEVICE, NOW)


def elements(text, decode=reading.decode):
    result = decoded(text, decode)
    assert isinstance(result, tuple), result
    return [issue.element for issue in result]


def test_every_member_finds_its_place():
    result = decoded(
        '{"device": "pi-001", "patient": "Patient/p1", "type": "pulse-oximeter", "sequence": 7, "corrects": true,'
        '"timestamp": "2026-03-01T13:00:00.250+01:00", "data": {"spo2": 97.50, "pulse": {"value": 72, "unit": "/min"}}}'
    )
    assert isinstance(result, Reading)
    assert result.fields == {"spo2": Decimal("97.50"), "pulse": 72}
    assert str(result.fields["spo2"]) == "97.50"
    assert result.units == {"pulse": "/min"}
    assert (result.patient, result.sequence, result.corrects) == ("Patient/p1", "7", True)
    assert result.time.text == "2026-03-01T13:00:00.250+01:00"
    assert result.received == NOW


@pytest.mark.parametrize("name", ["pi-001", "uuid-1", "Device/uuid-1"])
def test_a_device_may_name_itself(name):
    assert isinstance(decoded(f'{{"device": "{name}", "timestamp": 1, "data": {{}}}}'), Reading)


def test_a_message_id_is_stronger_than_a_sequence():
    assert decoded('{"id": "m-1", "sequence": 7, "timestamp": 1, "data": {}}').sequence == "m-1"


@pytest.mark.parametrize(
    ("sent", "lasted"), [("27000", 27000), ("0.25", 0.25), ("null", None), ("36e2", 3600)]
)
def test_a_duration_is_in_seconds(sent, lasted):
    result = decoded(f'{{"timestamp": 1, "data": {{}}, "duration": {sent}}}')
    assert result.duration == (None if lasted is None else timedelta(seconds=lasted))


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ('{"data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": null, "data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": 1234567890123, "data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": "2026-03-01T12:00:00", "data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": "yesterday", "data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": true, "data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": [1], "data": {"spo2": 97}}', "timestamp"),
        ('{"timestamp": 1}', "data"),
        ('{"timestamp": 1, "data": [97]}', "data"),
        ('{"timestamp": 1, "data": {"spo2": [97]}}', "data.spo2"),
        ('{"timestamp": 1, "data": {"spo2": {"value": {}}}}', "data.spo2"),
        ('{"timestamp": 1, "data": {"spo2": {"unit": "%"}}}', "data.spo2"),
        ('{"timestamp": 1, "data": {"spo2": {"value": 97, "units": "%"}}}', "data.spo2"),
        ('{"timestamp": 1, "data": {"spo2": {"value": 97, "unit": 1}}}', "data.spo2"),
        ('{"timestamp": 1, "data": {}, "spo2": 97}', "spo2"),
        ('{"timestamp": 1, "data": {}, "device": "pi-002"}', "device"),
        ('{"timestamp": 1, "data": {}, "device": 1}', "device"),
        ('{"timestamp": 1, "data": {}, "type": "blood-pressure"}', "type"),
        ('{"timestamp": 1, "data": {}, "patient": 1}', "patient"),
        ('{"timestamp": 1, "data": {}, "patient": ""}', "patient"),
        ('{"timestamp": 1, "data": {}, "id": "' + "x" * 129 + '"}', "id"),
        ('{"timestamp": 1, "data": {}, "id": ' + "9" * 41 + "}", "id"),
        ('{"timestamp": 1, "data": {}, "id": "a\\nb"}', "id"),
        ('{"timestamp": 1, "data": {}, "sequence": 1.5}', "sequence"),
        ('{"timestamp": 1, "data": {}, "corrects": "yes"}', "corrects"),
        ('{"timestamp": 1, "data": {}, "corrects": null}', "corrects"),
        ('{"timestamp": 1, "data": {}, "quality": false}', "quality"),
        ('{"timestamp": 1, "data": {}, "duration": 0}', "duration"),
        ('{"timestamp": 1, "data": {}, "duration": -3600}', "duration"),
        ('{"timestamp": 1, "data": {}, "duration": "PT1H"}', "duration"),
        ('{"timestamp": 1, "data": {}, "duration": true}', "duration"),
        ('{"timestamp": 1, "data": {}, "duration": 0.0000001}', "duration"),
        ('{"timestamp": 1, "data": {}, "duration": 1e400}', "duration"),
        ('{"timestamp": 1, "data": {}, "duration": ' + "9" * 41 + "}", "duration"),
    ],
)
def test_what_is_malformed_is_named(text, element):
    assert elements(text) == [element]


def test_every_fault_is_told_at_once():
    assert sorted(elements('{"device": "x", "type": "y", "extra": 1}')) == [
        "data",
        "device",
        "extra",
        "timestamp",
        "type",
    ]


def test_vitals_are_flat_and_their_time_is_seconds():
    text = '{"heartRate":75,"spo2":98,"temperature":36.8,"timestamp":1234567890.5}'
    result = decoded(text, vitals.decode)
    assert result.fields == {"heartRate": 75, "spo2": 98, "temperature": Decimal("36.8")}
    assert result.time.text == "2009-02-13T23:31:30.5Z"


def test_vitals_without_a_time_are_told_the_one_form_that_is_taken():
    (issue,) = decoded('{"spo2": 98}', vitals.decode)
    assert (issue.code, issue.element) == ("required", "timestamp")
    assert "ISO" not in issue.diagnostics


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ('{"spo2": 98}', "timestamp"),
        ('{"spo2": 98, "timestamp": 1772366400000}', "timestamp"),
        ('{"spo2": 98, "timestamp": "2026-03-01T12:00:00Z"}', "timestamp"),
        ('{"spo2": {"value": 98}, "timestamp": 1}', "spo2"),
    ],
)
def test_vitals_that_are_malformed_are_named(text, element):
    assert elements(text, vitals.decode) == [element]


def test_the_profile_is_the_registered_one():
    other = replace(DEVICE, profile="edge-monitor")
    item = json_batch(b'{"timestamp": 1, "data": {}}', 1).items[0]
    assert reading.decode(item, other, NOW).profile == "edge-monitor"
