"""Health Connect and Open mHealth over HTTP into PostgreSQL."""

import json

import pytest

from ingest.retry import retry


def steps(count, modified="2026-02-21T12:00:00Z", id="s1"):
    return {
        "startTime": "2026-02-21T10:00:00Z",
        "endTime": "2026-02-21T11:00:00Z",
        "metadata": {"id": id, "lastModifiedTime": modified, "dataOrigin": "com.example"},
        "count": count,
    }


@pytest.fixture
async def phone(clinic):
    return await clinic.device("phone", name="phone-1")


async def sync(phone, *records, spaces=""):
    """The answers; with other `spaces` a body is no copy of an earlier request."""
    body = (spaces + json.dumps({"steps": list(records)})).encode()
    answer = await phone.post("/api/wearables/sync", body)
    return answer.json()["results"]["steps"]


async def test_a_changed_record_is_amended_and_an_older_version_of_it_never_comes_back(clinic, phone):
    (first,) = await sync(phone, steps(100))
    (changed,) = await sync(phone, steps(250, "2026-02-21T13:00:00Z"))
    (older,) = await sync(phone, steps(100), spaces=" ")
    stored = await clinic.resource(first["references"][0])

    assert [each["status"] for each in (first, changed, older)] == ["created", "amended", "unchanged"]
    assert older["outcome"]["issue"][0]["severity"] == "information"
    assert first["references"] == changed["references"] == older["references"]
    assert (stored["valueQuantity"]["value"], stored["status"]) == (250, "amended")
    assert stored["issued"] == "2026-02-21T13:00:00.000Z"


async def test_versions_of_one_record_in_one_request_end_as_the_latest_whatever_their_order(clinic, phone):
    newer, older = await sync(phone, steps(250, "2026-02-21T13:00:00Z"), steps(100))

    assert [newer["status"], older["status"]] == ["created", "unchanged"]
    assert (await clinic.resource(newer["references"][0]))["valueQuantity"]["value"] == 250


async def test_another_value_of_the_same_change_is_no_correction(clinic, phone):
    (first,) = await sync(phone, steps(100))
    (other,) = await sync(phone, steps(250))
    (again,) = await sync(phone, steps(100), spaces=" ")

    assert (other["status"], other["outcome"]["issue"][0]["expression"]) == ("rejected", ["timestamp"])
    assert again["status"] == "unchanged"
    assert (await clinic.resource(first["references"][0]))["meta"]["versionId"] == "1"


async def test_a_record_whose_time_was_edited_is_the_same_record_at_another_time(clinic, phone):
    (first,) = await sync(phone, steps(100))
    moved = steps(100, "2026-02-21T13:00:00Z") | {"endTime": "2026-02-21T10:30:00+00:00"}
    (amended,) = await sync(phone, moved)
    (again,) = await sync(phone, moved | {"endTime": "2026-02-21T11:30:00+01:00"})
    (undated,) = await sync(phone, moved | {"metadata": {"id": "s1"}, "startTime": "2026-02-21T09:00:00Z"})
    stored = await clinic.resource(first["references"][0])

    statuses = [each["status"] for each in (first, amended, again, undated)]
    assert statuses == ["created", "amended", "unchanged", "rejected"]
    assert amended["references"] == first["references"]
    assert (stored["effectivePeriod"]["end"], stored["status"]) == ("2026-02-21T10:30:00Z", "amended")
    assert await clinic.observations() == 1


async def test_a_record_without_a_date_of_change_corrects_nothing(phone):
    kept = {"id": "s1", "start": "2026-02-21T10:00:00Z", "end": "2026-02-21T11:00:00Z"}
    await sync(phone, kept | {"data": {"count": 100}})
    (refused,) = await sync(phone, kept | {"data": {"count": 101}})

    assert (refused["status"], refused["outcome"]["issue"][0]["code"]) == ("rejected", "conflict")


async def test_a_long_record_of_samples_is_stored_whole(clinic, phone):
    record = steps(0) | {
        "samples": [
            {"time": f"2026-02-21T10:{number // 60:02}:{number % 60:02}Z", "beatsPerMinute": 60 + number % 9}
            for number in range(600)
        ]
    }
    del record["count"]
    answer = await phone.post("/api/wearables/sync", {"heartRate": [record]})

    assert len(answer.json()["results"]["heartRate"][0]["references"]) == 600
    assert await clinic.observations() == 600


async def test_a_data_point_is_stored_with_what_surrounds_it(clinic, phone):
    point = {
        "header": {
            "id": "123e4567-e89b-12d3-a456-426655440000",
            "creation_date_time": "2026-02-21T12:00:00Z",
            "schema_id": {"namespace": "omh", "name": "blood-pressure", "version": "4.0"},
            "acquisition_provenance": {"source_name": "Cuff", "modality": "self-reported"},
        },
        "body": {
            "systolic_blood_pressure": {"value": 120, "unit": "mmHg"},
            "diastolic_blood_pressure": {"value": 80, "unit": "mmHg"},
            "body_posture": "sitting",
            "measurement_location": "left wrist",
            "effective_time_frame": {"date_time": "2026-02-21T11:00:00Z"},
        },
    }
    mean = {
        "header": point["header"] | {"id": "m"},
        "body": point["body"] | {"descriptive_statistic": "average"},
    }
    answer = await phone.post("/ingest/omh", [point, mean, {"header": {}, "body": {}}])
    one, two, refused = answer.json()["results"]
    stored = await clinic.resource(one["references"][0])

    assert answer.status_code == 207
    assert [one["status"], two["status"], refused["status"]] == ["created", "created", "rejected"]
    assert stored["performer"] == [{"reference": "Patient/p1"}]
    assert stored["bodySite"] == {"text": "left wrist"}
    assert len(two["references"]) == 2
    (waiting,) = await clinic.pipeline().dead_letters.waiting()
    assert waiting.letter.format == "omh"
    assert (await retry(clinic.pipeline(), waiting, lambda: waiting.letter.received)).status == "rejected"


async def test_what_is_not_json_is_refused_before_it_is_read(phone):
    kind = {"Content-Type": "application/x-ndjson"}

    assert (await phone.post("/api/wearables/sync", b"{}", **kind)).status_code == 415
    assert (await phone.post("/ingest/omh", b"", **kind)).status_code == 400
