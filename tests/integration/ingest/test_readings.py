"""Readings through the whole of ingest into PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta

from fhir_server.interactions import write
from fhir_server.json import dumps, parse


def ago(seconds: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


async def test_a_signed_reading_becomes_coded_observations(clinic, oximeter):
    answer = await oximeter.readings({"timestamp": ago(), "data": {"spo2": 97.50, "pulseRate": 72}})
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    assert result["status"] == "created"
    spo2 = await clinic.resource(result["references"][0])
    assert [each["code"] for each in spo2["code"]["coding"]][:2] == ["2708-6", "59408-5"]
    assert spo2["subject"]["reference"] == "Patient/p1"
    assert spo2["device"]["reference"] == oximeter.reference
    assert spo2["valueQuantity"]["value"] == "97.5"


async def test_edge_vitals_are_taken_and_their_temperature_is_not_body_temperature(clinic):
    edge = await clinic.device("edge-monitor")
    body = {"heartRate": 75, "spo2": 98, "temperature": 36.8, "timestamp": 1600000000}
    answer = await edge.vitals(body)
    assert (answer.status_code, answer.json()["status"]) == (200, "created")
    codes = [
        (await clinic.resource(each))["code"]["coding"][0]["code"] for each in answer.json()["references"]
    ]
    assert codes[:2] == ["8867-4", "2708-6"]
    assert codes[2] != "8310-5"
    assert answer.json()["outcome"]["issue"][0]["severity"] == "warning"


async def test_each_reading_of_an_array_is_answered_on_its_own(clinic, oximeter):
    time = ago(10)
    answer = await oximeter.readings(
        [
            {"timestamp": time, "data": {"spo2": 97}},
            {"timestamp": ago(20), "data": {"spo2": 101}},
            {"timestamp": time, "data": {"spo2": 97}},
            {"timestamp": time, "data": {"spo2": 96}},
            {"timestamp": time, "data": {"spo2": 95}, "corrects": True},
        ]
    )
    assert answer.status_code == 207
    results = answer.json()["results"]
    statuses = [each["status"] for each in results]
    assert statuses == ["created", "rejected", "unchanged", "rejected", "amended"]
    assert results[1]["outcome"]["issue"][0]["expression"] == ["data.spo2"]


async def test_a_broken_ndjson_line_spoils_no_other(clinic, oximeter):
    lines = [
        json.dumps({"timestamp": ago(1), "data": {"spo2": 97}}),
        '{"timestamp": ',
        json.dumps({"timestamp": ago(2), "data": {"spo2": 96}}),
    ]
    answer = await oximeter.readings("\n".join(lines).encode(), **{"Content-Type": "application/x-ndjson"})
    assert [each["status"] for each in answer.json()["results"]] == ["created", "rejected", "created"]
    assert await clinic.scalar("SELECT payload FROM dead_letter") == b'{"timestamp": '


async def _rewritten(clinic, reference: str, **members: object) -> None:
    """The resource with other members, as a client's PUT makes it."""
    type, _, id = reference.partition("/")
    async with clinic.database.transaction() as work:
        current = await work.lock(type, id)
        tree = parse(current.body) | members
        await work.update(write.prepare(type, dumps(tree), id=id, method="PUT"), current)


async def test_a_reading_that_someone_annotated_meanwhile_is_unchanged_when_it_comes_again(clinic, oximeter):
    reading = {"timestamp": ago(), "data": {"spo2": 97.50}}
    first = (await oximeter.readings(reading)).json()["results"][0]
    await _rewritten(clinic, first["references"][0], note=[{"text": "Patient was walking."}])
    again = (await oximeter.readings([reading])).json()["results"][0]
    assert again == {"status": "unchanged", "references": first["references"]}
    assert (await clinic.resource(first["references"][0]))["note"] == [{"text": "Patient was walking."}]


async def test_a_reading_whose_value_someone_changed_is_a_conflict_that_names_its_time(clinic, oximeter):
    reading = {"timestamp": ago(), "data": {"spo2": 97}}
    first = (await oximeter.readings(reading)).json()["results"][0]
    other = {"value": 91, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    await _rewritten(clinic, first["references"][0], valueQuantity=other)
    again = (await oximeter.readings([reading])).json()["results"][0]
    (issue,) = again["outcome"]["issue"]
    assert (again["status"], issue["code"], issue["expression"]) == ("rejected", "conflict", ["timestamp"])


async def test_a_deleted_reading_is_refused_as_deleted(clinic, oximeter):
    reading = {"timestamp": ago(), "data": {"spo2": 97}}
    reference = (await oximeter.readings(reading)).json()["results"][0]["references"][0]
    async with clinic.database.transaction() as work:
        await work.delete(await work.lock(*reference.split("/")))
    again = (await oximeter.readings([reading])).json()["results"][0]
    assert [each["code"] for each in again["outcome"]["issue"]] == ["deleted"]
