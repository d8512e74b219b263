"""Readings sent to the address of a device, or of its type."""

import json
from datetime import UTC, datetime

import pytest

from ingest.retry import retry


def reading(spo2=97, **members):
    return {"timestamp": datetime.now(UTC).isoformat(), "data": {"spo2": spo2}} | members


def issue(answer):
    outcome = answer.json() if "issue" in answer.json() else answer.json()["results"][0]["outcome"]
    return outcome["issue"][0]


async def test_the_address_may_name_the_device_by_name_or_id_or_its_type(clinic, oximeter):
    id = oximeter.reference.removeprefix("Device/")
    for key, named in (("pi-001", None), (id, "pi-001"), ("pi-001", id), ("pulse-oximeter", "pi-001")):
        body = reading(patient_id="p1") | ({} if named is None else {"device_id": named})
        answer = await oximeter.post(f"/api/devices/{key}/readings", body)
        assert (answer.status_code, answer.json()["results"][0]["status"]) == (200, "created"), answer.text
    assert await clinic.observations() == 4


async def test_the_same_reading_is_the_same_at_whichever_address_it_came(oximeter):
    sent = reading()
    await oximeter.readings(sent)
    again = await oximeter.post("/api/devices/pi-001/readings", sent)
    assert again.json()["results"][0]["status"] == "unchanged"


async def test_arrays_and_lines_are_answered_each_on_its_own(oximeter):
    path = "/api/devices/pi-001/readings"
    mixed = await oximeter.post(path, [reading(96), reading(101)])
    assert (mixed.status_code, [each["status"] for each in mixed.json()["results"]]) == (
        207,
        ["created", "rejected"],
    )
    lines = b"\n".join(json.dumps(reading(spo2)).encode() for spo2 in (95, 94))
    kind = {"Content-Type": "application/x-ndjson"}
    assert (await oximeter.post(path, lines, **kind)).status_code == 200
    assert (await oximeter.post(path, [])).status_code == 200
    assert (await oximeter.post(path, b"{")).status_code == 400


@pytest.mark.parametrize(
    ("key", "members", "element"),
    [
        ("pi-001", {"device_id": "pi-002"}, "device_id"),
        ("pi-001", {"patient_id": "p2"}, "patient_id"),
        ("pi-001", {"patient_id": 7}, "patient_id"),
        ("pi-001", {"type": "scale"}, "type"),
        ("pi-001", {"device": "pi-001"}, "device"),
        ("pi-001", {"data": {"spo2": 101}}, "data.spo2"),
        ("pi-001", {"timestamp": "2026-03-01T12:00:00"}, "timestamp"),
        ("pulse-oximeter", {}, "device_id"),
        ("pi-002", {}, "key"),
        ("scale", {"device_id": "pi-001"}, "key"),
        ("no-such-thing", {}, "key"),
    ],
)
async def test_what_does_not_agree_is_refused_by_its_element(clinic, oximeter, key, members, element):
    await clinic.device(name="pi-002")
    refused = await oximeter.post(f"/api/devices/{key}/readings", reading(**members))
    assert (refused.status_code, issue(refused)["expression"]) == (422, [element])
    assert await clinic.observations() == 0
    waiting = await clinic.pipeline().dead_letters.waiting()
    assert [each.letter.format for each in waiting] == ([] if element == "key" else ["addressed"])


async def test_a_reading_for_nobody_waits_and_is_taken_in_once_it_is_somebodys(clinic):
    device = await clinic.device(name="pi-009", patient=None)
    refused = await device.post("/api/devices/pi-009/readings", reading())
    assert issue(refused)["expression"] == ["patient_id"]
    (waiting,) = await clinic.pipeline().dead_letters.waiting()
    assert (await retry(clinic.pipeline(), waiting, lambda: waiting.letter.received)).status == "rejected"


async def test_the_path_is_part_of_what_is_signed(oximeter):
    body = json.dumps(reading()).encode()
    headers = oximeter.signed("POST", "/api/devices/pulse-oximeter/readings", body)
    moved = await oximeter.client.post("/api/devices/pi-001/readings", content=body, headers=headers)
    assert moved.status_code == 401


async def test_who_may_send_is_asked_before_the_address_is_looked_at(oximeter):
    answer = await oximeter.with_secret("wrong").post("/api/devices/no-such-thing/readings", reading())
    assert answer.status_code == 401


async def test_a_device_that_had_a_types_name_before_keeps_it(clinic, oximeter):
    await clinic.execute("UPDATE device SET name = 'scale' WHERE name = 'pi-001'")
    renamed = oximeter.named("scale")
    assert (await renamed.post("/api/devices/scale/readings", reading())).status_code == 200
