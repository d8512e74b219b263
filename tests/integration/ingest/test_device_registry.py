"""Devices registered, rotated, disabled and given to patients."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.errors import Conflict, InvalidRequest, NotFound, Unprocessable
from fhir_server.interactions import device_registry, write
from fhir_server.json import dumps
from fhir_server.keys import MasterKey
from fhir_server.store.embedded.installation import of_the_wheel

READING = {"spo2": 97}


def now():
    return datetime.now(UTC)


def at(moment, data=READING):
    return {"timestamp": moment.isoformat(), "data": data}


async def test_a_device_is_a_resource_with_its_name_as_identifier(clinic):
    made = await clinic.device(name="pi-001")
    resource = await clinic.resource(made.reference)
    assert resource["identifier"][0]["value"] == "pi-001"
    assert resource["id"] != "pi-001"
    assert resource["type"]["coding"][0]["code"] == "528388"
    (listed,) = await device_registry.listed(clinic.database)
    assert (listed.name, f"Device/{listed.id}", listed.patient) == ("pi-001", made.reference, "p1")


async def test_a_device_may_give_its_resource_id_as_its_name(clinic, oximeter):
    by_id = replace(oximeter, name=oximeter.reference.removeprefix("Device/"))
    assert (await by_id.readings(at(now()))).status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "0198c0de-0000-7000-8000-000000000001", "-x", "ä"])
async def test_a_name_that_cannot_be_a_header_or_is_an_id_is_refused(clinic, name):
    with pytest.raises(InvalidRequest):
        await clinic.device(name=name or " ")


async def test_names_and_types_are_checked(clinic, oximeter):
    with pytest.raises(Conflict):
        await clinic.device(name="pi-001")
    with pytest.raises(InvalidRequest, match="pulse-oximeter"):
        await clinic.device("toaster")
    with pytest.raises(InvalidRequest, match="Patient"):
        await clinic.device(patient="not an id")
    with pytest.raises(NotFound):
        await device_registry.rotate(clinic.database, clinic.master_key, name="pi-404")


async def test_a_failed_registration_leaves_nothing(clinic):
    with pytest.raises(InvalidRequest):
        await clinic.device(name="pi-9", patient="not an id")
    assert await clinic.scalar("SELECT count(*) FROM device") == 0
    assert await clinic.scalar("SELECT count(*) FROM resource") == 0


async def test_a_patient_who_is_not_here_is_warned_of(clinic):
    made = await device_registry.register(
        clinic.database, clinic.master_key, name="pi-2", profile="pulse-oximeter", patient="Patient/p9"
    )
    assert made.warnings == ("Patient/p9 is not here yet.",)
    assert made.assignment is not None


async def test_a_reading_of_the_second_of_registration_counts(clinic):
    made = await clinic.device(name="pi-3", start=None)
    assert (await made.vitals({"spo2": 97, "timestamp": int(now().timestamp())})).status_code == 200


async def test_two_secrets_are_good_while_rotating_and_one_when_the_overlap_is_over(clinic, oximeter):
    second = await device_registry.rotate(clinic.database, clinic.master_key, name="pi-001")
    rotated = oximeter.with_secret(second.secret)
    assert (await oximeter.readings(at(now()))).status_code == 200
    assert (await rotated.readings(at(now()))).status_code == 200
    third = await device_registry.rotate(
        clinic.database, clinic.master_key, name="pi-001", overlap=timedelta(0)
    )
    assert (await oximeter.readings(at(now()))).status_code == 401
    assert (await rotated.readings(at(now()))).status_code == 401
    assert (await oximeter.with_secret(third.secret).readings(at(now()))).status_code == 200


async def test_the_oldest_of_three_secrets_ends_at_once(clinic, oximeter):
    second = await device_registry.rotate(clinic.database, clinic.master_key, name="pi-001")
    third = await device_registry.rotate(clinic.database, clinic.master_key, name="pi-001")
    codes = [
        (await oximeter.with_secret(secret).readings(at(now()))).status_code
        for secret in (oximeter.secret, second.secret, third.secret)
    ]
    assert codes == [401, 200, 200]


async def test_a_disabled_device_is_refused_from_then_on(clinic, oximeter):
    assert (await oximeter.readings(at(now()))).status_code == 200
    known = await device_registry.disable(clinic.database, name="pi-001")
    assert known.disabled_at is not None
    assert (await oximeter.readings(at(now()))).status_code == 401
    assert (await clinic.resource(oximeter.reference))["status"] == "inactive"
    rotated = await device_registry.rotate(clinic.database, clinic.master_key, name="pi-001")
    assert "disabled" in rotated.warnings[0]


async def test_a_device_whose_resource_was_deleted_is_refused(clinic, oximeter):
    async with clinic.database.transaction() as work:
        current = await work.lock("Device", oximeter.reference.removeprefix("Device/"))
        await work.delete(current)
    assert (await oximeter.readings(at(now()))).status_code == 401


async def test_under_another_master_key_no_secret_opens(clinic, oximeter):
    clinic.master_key = MasterKey(b"x" * 32)
    other = await clinic.worker()
    text = b"{}"
    headers = oximeter.signed("POST", "/ingest/readings", text)
    assert (await other.post("/ingest/readings", content=text, headers=headers)).status_code == 401


async def test_a_dump_of_the_database_holds_no_secret(clinic, oximeter, database_url):
    rotated = await device_registry.rotate(clinic.database, clinic.master_key, name="pi-001")
    await oximeter.readings(at(now()))
    tool = of_the_wheel().program("pg_dump")
    process = await asyncio.create_subprocess_exec(
        tool, "--dbname", database_url, stdout=asyncio.subprocess.PIPE
    )
    dump, _ = await process.communicate()
    assert b"device_secret" in dump
    for secret in (oximeter.secret, rotated.secret):
        for form in (secret.encode(), secret.encode().hex().encode()):
            assert form not in dump
    assert (b"k" * 32) not in dump
    assert (b"k" * 32).hex().encode() not in dump


async def test_each_reading_goes_to_whoever_had_the_device_then(clinic, oximeter):
    handover = now().replace(microsecond=0) - timedelta(minutes=10)
    use, _ = await device_registry.assign(clinic.database, name="pi-001", patient="p2", start=handover)
    assert use.startswith("DeviceUseStatement/")
    moments = [handover - timedelta(seconds=1), handover, now(), handover - timedelta(minutes=5)]
    answer = await oximeter.readings([at(moment) for moment in moments])
    subjects = [
        (await clinic.resource(each["references"][0]))["subject"]["reference"]
        for each in answer.json()["results"]
    ]
    assert subjects == ["Patient/p1", "Patient/p2", "Patient/p2", "Patient/p1"]


async def test_overlapping_assignments_are_refused(clinic, oximeter):
    start = datetime(2019, 1, 1, tzinfo=UTC)
    with pytest.raises(Unprocessable) as refused:
        await device_registry.assign(clinic.database, name="pi-001", patient="p2", start=start)
    assert refused.value.issues[0].expression == "DeviceUseStatement.timingPeriod"
    assert await clinic.scalar("SELECT count(*) FROM device_assignment") == 1


async def test_two_devices_may_be_on_one_patient_and_on_others_at_once(clinic):
    for patient in ("p1", "p1", "p2"):
        await clinic.device(patient=patient)
    assert await clinic.scalar("SELECT count(*) FROM device_assignment") == 3


async def test_the_statement_is_the_truth_whoever_writes_it(clinic, oximeter):
    use = await clinic.scalar("SELECT use_id FROM device_assignment")
    async with clinic.database.transaction() as work:
        current = await work.lock("DeviceUseStatement", use)
        await work.delete(current)
    answer = await oximeter.readings(at(now()))
    assert answer.json()["results"][0]["outcome"]["issue"][0]["expression"] == ["patient"]
    assert await clinic.scalar("SELECT count(*) FROM device_assignment") == 0


async def test_a_statement_may_name_its_device_and_patient_by_this_servers_address(clinic):
    device = await clinic.device(patient=None)
    base = "https://fhir.example/fhir"
    statement = {
        "resourceType": "DeviceUseStatement",
        "status": "active",
        "subject": {"reference": f"{base}/Patient/p1"},
        "device": {"reference": f"{base}/{device.reference}"},
        "timingPeriod": {"start": "2020-01-01T00:00:00Z"},
    }
    async with clinic.database.transaction() as work:
        text = dumps(statement)
        await work.create(write.prepare("DeviceUseStatement", text, method="POST", base_url=base))
    answer = await device.readings(at(now()))
    assert answer.json()["results"][0]["status"] == "created"
