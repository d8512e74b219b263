"""What is measured on a patient whose Patient was deleted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.interactions import device_registry, write
from fhir_server.json import dumps
from ingest.decoders.reading import decode
from ingest.pipeline import sent_by
from ingest.retry import retry


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def prepared(tree, method="PUT"):
    return write.prepare(tree["resourceType"], dumps(tree), id=tree["id"], method=method)


async def put(clinic, tree):
    async with clinic.database.transaction() as work:
        current = await work.lock(tree["resourceType"], tree["id"])
        if current is None:
            await work.create(prepared(tree))
        else:
            await work.update(prepared(tree), current)


async def delete(clinic, id, type="Patient"):
    async with clinic.database.transaction() as work:
        await work.delete(await work.lock(type, id))


@pytest.fixture
async def deleted(clinic, oximeter):
    """The device's patient was there and is deleted."""
    await put(clinic, {"resourceType": "Patient", "id": "p1"})
    await delete(clinic, "p1")


async def test_a_reading_of_a_deleted_patient_is_rejected_by_name_and_kept(clinic, oximeter, deleted):
    answer = await oximeter.readings({"timestamp": ago(1), "data": {"spo2": 97}})
    (result,) = answer.json()["results"]
    (issue,) = result["outcome"]["issue"]
    assert (result["status"], issue["code"]) == ("rejected", "deleted")
    assert "Patient/p1 was deleted" in issue["diagnostics"]
    assert json.loads(await clinic.scalar("SELECT payload FROM dead_letter"))["data"] == {"spo2": 97}
    assert await clinic.observations() == 0


async def test_a_deletion_holds_at_once_in_every_worker_and_for_corrections_and_replays(clinic, oximeter):
    await put(clinic, {"resourceType": "Patient", "id": "p1"})
    reading = {"timestamp": ago(1), "data": {"spo2": 97}}
    corrected = reading | {"data": {"spo2": 96}, "corrects": True}
    assert (await oximeter.readings(reading)).json()["results"][0]["status"] == "created"
    await delete(clinic, "p1")
    assert await clinic.scalar("SELECT deleted FROM resource WHERE id = 'p1'")
    later = {"timestamp": ago(0), "data": {"spo2": 95}}
    answer = await oximeter.readings([reading, corrected, later])
    assert [each["status"] for each in answer.json()["results"]] == ["rejected"] * 3
    assert await clinic.observations() == 1


async def test_of_readings_stored_together_only_those_of_the_deleted_patient_are_rejected(
    clinic, oximeter, deleted
):
    other = await clinic.device(patient="p2")
    body = {"timestamp": ago(1), "data": {"spo2": 97}}
    pipeline = clinic.pipeline()
    groups = []
    for device in (oximeter, other):
        found = await pipeline.devices.find(device.name, datetime.now(UTC))
        groups.append(pipeline.planned(*_reading(body, found)))
    answers = await pipeline.committed(groups)
    assert [each.status for each in answers] == ["rejected", "created"]


async def test_what_is_stored_whole_is_rejected_whole_whichever_of_its_patients_was_deleted(
    clinic, oximeter, deleted
):
    other = await clinic.device(patient="p2")
    pipeline = clinic.pipeline()
    parts = []
    for device in (other, oximeter):
        found = await pipeline.devices.find(device.name, datetime.now(UTC))
        body = {"timestamp": ago(1), "data": {"spo2": 97}}
        parts.append(pipeline.planned(*_reading(body, found))[0])
    group = replace(parts[0], drafts=parts[0].drafts + parts[1].drafts)
    (answer,) = await pipeline.sink.store([group])
    assert answer.outcome == "deleted"
    assert "Patient/p1" in answer.issues[0].diagnostics
    assert await clinic.observations() == 0


def _reading(body, device):
    now = datetime.now(UTC)
    return decode(body, device, now), device, sent_by(device, bytes(32), now), "reading"


async def test_a_patient_who_is_brought_back_gets_the_readings_kept_meanwhile(clinic, oximeter, deleted):
    await oximeter.readings({"timestamp": ago(1), "data": {"spo2": 97}})
    await put(clinic, {"resourceType": "Patient", "id": "p1"})
    pipeline = clinic.pipeline()
    (letter,) = await pipeline.dead_letters.waiting()
    assert (await retry(pipeline, letter, lambda: datetime.now(UTC))).status == "created"


async def test_a_device_is_not_given_to_a_deleted_patient(clinic, oximeter, deleted):
    with pytest.raises(Unprocessable, match="Patient/p1 was deleted"):
        await clinic.device(patient="p1")
    with pytest.raises(Unprocessable, match="Patient/p1 was deleted"):
        await device_registry.assign(clinic.database, name=oximeter.name, patient="p1")


async def test_what_a_deleted_patient_was_measured_with_may_still_be_ended(clinic, oximeter, deleted):
    await device_registry.unassign(clinic.database, name=oximeter.name)
    assert await clinic.scalar("SELECT upper(period) < now() FROM device_assignment")
