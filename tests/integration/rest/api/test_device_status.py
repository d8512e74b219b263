"""What devices say of themselves, over HTTP."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mappers.identity import device_metric_id

START = datetime.now(UTC) - timedelta(minutes=30)


def said(minute, data=None, **status):
    body = {"timestamp": (START + timedelta(minutes=minute)).isoformat(), "device_status": status}
    return body if data is None else body | {"data": data}


@pytest.fixture
async def enrolled(register):
    return (await register()).json()


@pytest.fixture
def tell(send, enrolled):
    async def told(*readings):
        answer = await send(enrolled, *readings)
        return answer.json()["results"]

    return told


async def versions(client, reference):
    return int((await client.get(f"/fhir/{reference}")).json()["meta"]["versionId"])


async def levels(client, reference):
    found = await client.get(f"/fhir/Observation?subject={reference}&code=battery-level&_sort=date")
    return [each["resource"] for each in found.json().get("entry", ())]


async def test_the_device_says_what_it_is_and_its_resource_says_it_too(client, enrolled, tell):
    status = {
        "firmware": "1.2",
        "manufacturer": "Acme",
        "model": "PX",
        "serial_number": "7",
        "operation": "standby",
    }
    (result,) = await tell(said(1, {"spo2": 97}, **status))
    device = (await client.get(f"/fhir/{enrolled['device']}")).json()
    assert result["status"] == "created"
    assert device["version"][0]["value"] == "1.2"
    assert (device["manufacturer"], device["modelNumber"], device["serialNumber"]) == ("Acme", "PX", "7")
    assert device["status"] == "active"
    assert device["statusReason"][0]["coding"][0]["code"] == "standby"
    shown = (await client.get("/api/devices/pi-001")).json()
    assert (shown["firmware"], shown["operation"], shown["battery"]) == ("1.2", "standby", None)


async def test_what_is_as_it_was_writes_nothing_with_any_number_of_readings(client, enrolled, tell):
    for minute in (1, 2, 3):
        await tell(said(minute, {"spo2": 97}, battery=80, firmware="1.2"), said(minute + 10, battery=80.0))
    assert await versions(client, enrolled["device"]) == 2
    assert len(await levels(client, enrolled["device"])) == 1
    await tell(said(20, firmware="1.3"))
    assert await versions(client, enrolled["device"]) == 3
    device = (await client.get(f"/fhir/{enrolled['device']}")).json()
    assert [each["value"] for each in device["version"]] == ["1.3"]


async def test_a_battery_is_an_observation_of_the_device_at_each_level(client, enrolled, tell):
    await tell(said(1, battery=80), said(3, battery=79), said(2, battery=80))
    high, low = await levels(client, enrolled["device"])
    assert (high["valueQuantity"]["value"], low["valueQuantity"]["value"]) == (80, 79)
    assert high["subject"] == {"reference": enrolled["device"]}
    assert high["code"]["coding"][0]["system"].startswith("urn:fhir-server:")
    assert (await client.get("/api/devices/pi-001")).json()["battery"] == 79


async def test_what_a_device_said_before_its_last_change_changes_nothing(client, enrolled, tell):
    await tell(said(5, battery=50))
    (late,) = await tell(said(1, battery=90))
    assert late == {"status": "unchanged", "references": [enrolled["device"]]}
    assert (await client.get("/api/devices/pi-001")).json()["battery"] == 50


async def test_calibration_is_of_what_is_measured_and_operation_of_everything(client, register, send):
    enrolled = (await register("cpap-1", "cpap")).json()
    device = enrolled["device"].removeprefix("Device/")
    calibration = {"state": "calibrated", "type": "two-point", "time": "2026-02-01T08:00:00Z"}
    answer = await send(enrolled, said(1, calibration=calibration, operation="off"))
    assert answer.json()["results"][0]["status"] == "created"
    metrics = [
        (await client.get(f"/fhir/DeviceMetric/{device_metric_id(device, key)}")).json()
        for key in ("pap-leak", "pap-pressure-set")
    ]
    assert [each["operationalStatus"] for each in metrics] == ["off", "off"]
    assert metrics[0]["calibration"] == [calibration | {"time": "2026-02-01T08:00:00.000Z"}]
    assert "calibration" not in metrics[1]


async def test_a_status_alone_needs_no_patient_and_is_told_from_a_repeated_one(client, register, send):
    enrolled = (await register(patient=None, start=None)).json()
    first = (await send(enrolled, said(1, battery=80))).json()["results"][0]
    again = (await send(enrolled, said(1, battery=80), said(2, battery=80))).json()["results"]
    assert first["status"] == "created"
    assert first["references"][0].startswith("Observation/")
    assert [each["status"] for each in again] == ["unchanged", "unchanged"]


async def test_the_status_of_a_rejected_reading_is_not_kept(client, enrolled, tell):
    (result,) = await tell(said(1, {"spo2": 101}, battery=80))
    assert result["status"] == "rejected"
    assert (await client.get("/api/devices/pi-001")).json()["battery"] is None


@pytest.mark.parametrize(
    ("status", "element"),
    [
        ({"battery": 101}, "device_status.battery"),
        ({"battery": "80"}, "device_status.battery"),
        ({"operation": "asleep"}, "device_status.operation"),
        ({"firmware": ""}, "device_status.firmware"),
        ({"calibration": {}}, "device_status.calibration.state"),
        ({"calibration": {"state": "calibrated", "time": "today"}}, "device_status.calibration.time"),
        ({"colour": "red"}, "device_status.colour"),
        (7, "device_status"),
        ({}, "data"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_element(tell, status, element):
    (result,) = await tell({"timestamp": START.isoformat(), "device_status": status})
    assert result["status"] == "rejected"
    assert [each["expression"] for each in result["outcome"]["issue"]] == [[element]]


async def test_a_status_alone_of_a_clock_that_was_never_set_is_refused(client, tell):
    (result,) = await tell({"timestamp": "1999-12-31T23:59:59Z", "device_status": {"battery": 80}})
    assert result["status"] == "rejected"
    assert result["outcome"]["issue"][0]["expression"] == ["timestamp"]
    assert (await client.get("/api/devices/pi-001")).json()["battery"] is None


async def test_a_status_from_the_future_is_refused(tell):
    (result,) = await tell(said(60, battery=80))
    assert result["outcome"]["issue"][0]["expression"] == ["timestamp"]


async def test_a_device_from_before_its_type_had_settings_gets_their_metrics_with_its_next_reading(
    client, register, send, database_url
):
    enrolled = (await register("cpap-1", "cpap")).json()
    device = enrolled["device"].removeprefix("Device/")
    gone, kept = (device_metric_id(device, key) for key in ("pap-pressure-set", "pap-leak"))
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("DELETE FROM resource WHERE id = %s", (gone,))
        await connection.execute("UPDATE device SET metrics = NULL")
    assert (await client.get(f"/fhir/DeviceMetric/{gone}")).status_code == 404
    night = {"timestamp": START.isoformat(), "data": {"pressureSet": 9, "ahi": 2}}
    result = (await send(enrolled, night)).json()["results"][0]
    assert result["status"] == "created"
    made = (await client.get(f"/fhir/DeviceMetric/{gone}")).json()
    assert made["category"] == "setting"
    assert (await client.get(f"/fhir/DeviceMetric/{kept}")).json()["meta"]["versionId"] == "1"
    setting = next(
        each
        for each in [(await client.get(f"/fhir/{reference}")).json() for reference in result["references"]]
        if each["device"]["reference"].startswith("DeviceMetric/")
    )
    assert setting["device"] == {"reference": f"DeviceMetric/{gone}"}


async def test_a_person_describes_the_device_until_it_says_otherwise(client, enrolled, tell):
    await tell(said(1, model="PX-1", firmware="1.2"))
    described = await client.put("/api/devices/pi-001", json={"type": "pulse-oximeter", "model": "PX-9"})
    await tell(said(2, model="PX-1", firmware="1.2"))
    assert (await client.get("/api/devices/pi-001")).json()["model"] == described.json()["model"] == "PX-9"
    await tell(said(3, model="PX-2"))
    assert json.loads((await client.get("/api/devices/pi-001")).text)["model"] == "PX-2"


async def test_a_metric_that_is_made_later_says_what_the_device_last_said(
    client, register, send, database_url
):
    enrolled = (await register("cpap-1", "cpap")).json()
    device = enrolled["device"].removeprefix("Device/")
    await send(enrolled, said(1, operation="standby", calibration={"state": "calibrated"}, battery=80))
    setting, leak = (device_metric_id(device, key) for key in ("pap-pressure-set", "pap-leak"))
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("DELETE FROM resource WHERE id = ANY(%s)", ([setting, leak],))
        await connection.execute("UPDATE device SET metrics = NULL")
    await send(enrolled, said(2, {"ahi": 2}, operation="standby"))
    made = [(await client.get(f"/fhir/DeviceMetric/{id}")).json() for id in (setting, leak)]
    assert [each["operationalStatus"] for each in made] == ["standby", "standby"]
    assert [each.get("calibration") for each in made] == [None, [{"state": "calibrated"}]]
