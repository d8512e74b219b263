"""Bundles of the Personal Health Device guide over HTTP into PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.retry import retry

MDC = "urn:iso:std:iso:11073:10101"
FHIR_JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture
async def oximeter(clinic):
    return await clinic.device("pulse-oximeter", name="phd-74E8FFFEFF051C00.001C05FFE874")


def observation(code, value, unit, seconds=0, **more):
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5) + timedelta(seconds=seconds)
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "device": {"reference": "Device/phd-74E8FFFEFF051C00.001C05FFE874"},
        "effectiveDateTime": moment.isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    } | more


def bundle(*resources):
    entries = [{"resource": each, "request": {"method": "POST", "url": "Observation"}} for each in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


async def test_each_observation_of_a_bundle_is_answered_and_the_same_bundle_changes_nothing(clinic, oximeter):
    sent = json.dumps(
        bundle(
            observation("150456", 97, "%"),
            observation("149530", 61, "/min"),
            observation("67996", 100, "%"),
            observation("160368", 99, "mg/dL"),
        )
    ).encode()
    first = await oximeter.post("/ingest/phd", sent, **FHIR_JSON)
    again = await oximeter.post("/ingest/phd", b" " + sent)

    assert (first.status_code, again.status_code) == (207, 207)
    statuses = [[each["status"] for each in answer.json()["results"]] for answer in (first, again)]
    assert statuses == [["created"] * 3 + ["rejected"], ["unchanged"] * 3 + ["rejected"]]
    assert await clinic.observations() == 3
    assert first.json()["results"][3]["outcome"]["issue"][0]["expression"] == ["code.coding"]
    battery = await clinic.resource(first.json()["results"][2]["references"][0])
    assert battery["code"] == {"coding": [{"system": MDC, "code": "67996"}]}


async def test_a_corrected_observation_amends_and_another_value_of_its_moment_is_ambiguous(clinic, oximeter):
    first, other = observation("150456", 97, "%"), observation("150456", 96, "%")
    await oximeter.post("/ingest/phd", first)
    ambiguous = await oximeter.post("/ingest/phd", first | {"valueQuantity": other["valueQuantity"]})
    corrected = await oximeter.post(
        "/ingest/phd", first | {"status": "corrected", "valueQuantity": other["valueQuantity"]}
    )

    assert ambiguous.json()["results"][0]["outcome"]["issue"][0]["code"] == "conflict"
    assert corrected.json()["results"][0]["status"] == "amended"
    assert await clinic.observations() == 1


async def test_another_patient_or_device_is_refused_and_waits_as_it_came(clinic, oximeter):
    stranger = observation("150456", 97, "%", subject={"reference": "Patient/p2"})
    foreign = observation("150456", 97, "%", device={"reference": "Device/another"})
    answer = await oximeter.post("/ingest/phd", bundle(stranger, foreign))
    waiting = await clinic.pipeline().dead_letters.waiting()

    assert [each["status"] for each in answer.json()["results"]] == ["rejected", "rejected"]
    assert await clinic.observations() == 0
    kept = [json.loads(each.letter.payload) for each in waiting]
    assert sorted(kept, key=str) == sorted((stranger, foreign), key=str)
    result = await retry(clinic.pipeline(), waiting[0], lambda: waiting[0].letter.received)
    assert result.status == "rejected"


async def test_a_bundle_that_is_none_is_refused_as_a_whole(oximeter):
    for body in (
        b"[]",
        b"{",
        b'{"resourceType":"Patient"}',
        json.dumps({**bundle(), "type": "message"}).encode(),
    ):
        assert (await oximeter.post("/ingest/phd", body)).status_code == 400
    kind = {"Content-Type": "application/x-ndjson"}
    assert (await oximeter.post("/ingest/phd", b"{}", **kind)).status_code == 415
