"""The rules of time of docs/ingest.md, each over HTTP with a reading that shows it."""

from datetime import UTC, datetime, timedelta

import pytest

NOON = "2026-03-01T12:00:00Z"


def _ago(**amount):
    return (datetime.now(UTC) - timedelta(**amount)).isoformat(timespec="seconds")


def _reading(timestamp, spo2=97, **members):
    return {"timestamp": timestamp, "data": {"spo2": spo2}, **members}


def _again(timestamp, spo2=97):
    """The same reading in other bytes: the same bytes in the same second would be a copy of the request."""
    return _reading(timestamp, spo2, patient="p1")


@pytest.fixture
async def oximeter(register):
    return (await register(start="1970-01-01T00:00:00Z")).json()


@pytest.fixture
def answered(oximeter, send):
    """What became of each reading, sent one after the other."""

    async def results(*readings):
        return [(await send(oximeter, one)).json()["results"][0] for one in readings]

    return results


async def _resource(client, result):
    return (await client.get(f"/fhir/{result['references'][0]}")).json()


async def test_the_devices_time_and_the_receive_time_are_both_kept(client, answered):
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    (result,) = await answered(_reading("2026-03-01T13:00:00.50+01:00"))
    made = await _resource(client, result)
    assert made["effectiveDateTime"] == "2026-03-01T13:00:00.50+01:00"
    assert before <= datetime.fromisoformat(made["issued"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("time", "status", "element"),
    [
        (_ago(minutes=-4), "created", None),
        (
            _ago(hours=-6),
            "rejected",
            "timestamp",
        ),  # told when the tests are collected, minutes before it is sent
        (_ago(days=6), "created", None),
        (_ago(days=8), "created", "timestamp"),  # a warning
        ("1999-12-31T23:59:59Z", "rejected", "timestamp"),
        (86_400, "rejected", "timestamp"),
        ("2026-03-01T12:00:00", "rejected", "timestamp"),
        (1_772_366_400_000, "rejected", "timestamp"),
    ],
    ids=["ahead", "too far ahead", "days ago", "long ago", "1999", "never set", "no zone", "milliseconds"],
)
async def test_a_time_is_taken_warned_of_or_refused(answered, time, status, element):
    (result,) = await answered(_reading(time))
    said = [issue["expression"][0] for issue in result.get("outcome", {}).get("issue", [])]
    assert (result["status"], said) == (status, [element] if element else [])


async def test_readings_out_of_order_are_found_in_the_order_they_were_measured(client, answered):
    await answered(*[_reading(f"2026-03-01T12:0{minute}:00Z", 90 + minute) for minute in (3, 1, 2)])
    found = (await client.get("/fhir/Observation?patient=p1&_sort=-date")).json()["entry"]
    assert [each["resource"]["valueQuantity"]["value"] for each in found] == [93, 92, 91]


async def test_a_late_reading_is_of_the_patient_whose_device_it_was_when_it_measured(
    client, oximeter, answered
):
    moved = {"patient": "p2", "start": "2026-03-01T12:30:00Z"}
    assert (await client.post(f"/api/devices/{oximeter['device_id']}/assignment", json=moved)).is_success
    late, new = await answered(_reading(NOON), _reading("2026-03-01T12:30:00Z"))
    patients = [(await _resource(client, result))["subject"]["reference"] for result in (late, new)]
    assert patients == ["Patient/p1", "Patient/p2"]


async def test_the_same_moment_is_the_same_reading_however_it_is_written(answered):
    results = await answered(
        _reading(NOON),
        _reading("2026-03-01T13:00:00+01:00"),
        _reading("2026-03-01T12:00:00.000Z"),
        _reading(1_772_366_400),
    )
    assert [result["status"] for result in results] == ["created", "unchanged", "unchanged", "unchanged"]


async def test_another_value_for_the_same_moment_is_refused_unless_it_corrects(client, answered):
    results = await answered(
        _reading(NOON, 97),
        _reading(NOON, 96),
        _reading(NOON, 96, corrects=True),
        _again(NOON, 96),
        _again(NOON, 97),
    )
    statuses = [result["status"] for result in results]
    assert statuses == ["created", "rejected", "amended", "unchanged", "rejected"]
    made = await _resource(client, results[0])
    assert (made["status"], made["valueQuantity"]["value"]) == ("amended", 96)
    before = (await client.get(f"/fhir/{results[0]['references'][0]}/_history/1")).json()
    assert before["valueQuantity"]["value"] == 97


async def test_a_correction_of_what_was_never_sent_is_a_reading(client, answered):
    (result,) = await answered(_reading(NOON, 97, corrects=True))
    assert (result["status"], (await _resource(client, result))["status"]) == ("created", "final")


async def test_a_deleted_reading_is_not_brought_back_by_its_replay_or_a_correction(client, answered):
    (result,) = await answered(_reading(NOON))
    assert (await client.delete(f"/fhir/{result['references'][0]}")).is_success
    again = await answered(_again(NOON), _reading(NOON, 96, corrects=True))
    assert [one["outcome"]["issue"][0]["code"] for one in again] == ["deleted", "deleted"]


async def test_a_reading_marked_as_an_error_is_not_brought_back(client, answered):
    (result,) = await answered(_reading(NOON))
    made = await _resource(client, result) | {"status": "entered-in-error"}
    assert (await client.put(f"/fhir/{result['references'][0]}", json=made)).is_success
    (again,) = await answered(_again(NOON))
    assert again["status"] == "rejected"
