"""A signed reading in, FHIR out: the whole application, from the device's request to a clinician's search."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fhir_server.app import create_app
from fhir_server.interactions import device_registry
from fhir_server.keys import MasterKey
from fhir_server.settings import Settings

TOKEN = "t" * 40
KEY = b"m" * 32


@pytest.fixture
async def client(database_url):
    settings = Settings(
        _env_file=None,
        DATABASE_URL=database_url,
        token=TOKEN,
        master_key=base64.b64encode(KEY).decode(),
    )
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://clinic") as opened,
    ):
        opened.headers["Authorization"] = f"Bearer {TOKEN}"
        yield opened


@pytest.fixture
async def oximeter(database, client):
    answer = await client.put(
        "/fhir/Patient/p1",
        content='{"resourceType": "Patient", "id": "p1"}',
        headers={"Content-Type": "application/fhir+json"},
    )
    assert answer.status_code == 201, answer.text
    return await device_registry.register(
        database,
        MasterKey(KEY),
        name="pi-001",
        profile="pulse-oximeter",
        patient="p1",
        start=datetime.now(UTC) - timedelta(days=2),
    )


async def send(client, device, path, reading):
    """As a device does it with nothing but its name and secret."""
    body, stamp = json.dumps(reading).encode(), str(int(time.time()))
    message = f"{stamp}.".encode() + body
    if path.startswith("/ingest/"):
        digest = hashlib.sha256(body).hexdigest()
        message = f"POST\n{path}\n{stamp}\n{device.name}\n{digest}".encode()
    signature = base64.b64encode(hmac.digest(device.secret.encode(), message, "sha256")).decode()
    headers = {
        "Content-Type": "application/json",
        "X-Device-Id": device.name,
        "X-Timestamp": stamp,
        "X-Signature": signature,
    }
    del client.headers["Authorization"]
    try:
        return await client.post(path, content=body, headers=headers)
    finally:
        client.headers["Authorization"] = f"Bearer {TOKEN}"


async def test_a_signed_reading_is_found_by_either_of_its_codings(client, oximeter):
    measured = datetime.now(UTC).replace(microsecond=0)
    reading = {"timestamp": measured.isoformat(), "data": {"spo2": 97, "pulseRate": 72}}
    answer = await send(client, oximeter, "/ingest/readings", reading)
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    for code in ("http://loinc.org|2708-6", "http://loinc.org|59408-5"):
        query = {
            "patient": "p1",
            "code": code,
            "date": f"ge{measured.date()}",
            "_sort": "-date",
            "_count": "50",
        }
        found = (await client.get("/fhir/Observation", params=query)).json()
        (entry,) = [each for each in found["entry"] if each["search"]["mode"] == "match"]
        assert f"Observation/{entry['resource']['id']}" == result["references"][0]
        assert entry["resource"]["valueQuantity"]["value"] == 97


async def test_edge_vitals_reach_the_patients_record(client, oximeter):
    body = {"heartRate": 75, "spo2": 98, "temperature": 36.8, "timestamp": int(time.time())}
    answer = await send(client, oximeter, "/api/device/vitals", body)
    assert (answer.status_code, answer.json()["status"]) == (200, "created"), answer.text
    stored = [(await client.get(f"/fhir/{each}")).json() for each in answer.json()["references"]]
    assert [each["code"]["coding"][0]["code"] for each in stored][:2] == ["8867-4", "2708-6"]
    assert {each["subject"]["reference"] for each in stored} == {"Patient/p1"}


async def test_a_statement_put_over_fhir_moves_the_device_to_another_patient(client, oximeter):
    headers = {"Content-Type": "application/fhir+json"}
    use = (await client.get(f"/fhir/{oximeter.assignment}")).json()
    handover = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    use["timingPeriod"]["end"] = handover
    ended = await client.put(f"/fhir/{oximeter.assignment}", content=json.dumps(use), headers=headers)
    assert ended.status_code == 200, ended.text
    use |= {"id": "second-use", "subject": {"reference": "Patient/p2"}, "timingPeriod": {"start": handover}}
    assert (
        await client.put("/fhir/DeviceUseStatement/second-use", content=json.dumps(use), headers=headers)
    ).status_code == 201
    overlapping = use | {"id": "third-use", "subject": {"reference": "Patient/p3"}}
    refused = await client.put(
        "/fhir/DeviceUseStatement/third-use", content=json.dumps(overlapping), headers=headers
    )
    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["DeviceUseStatement.timingPeriod"]
    reading = {"timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "data": {"spo2": 96}}
    answer = await send(client, oximeter, "/ingest/readings", reading)
    stored = (await client.get(f"/fhir/{answer.json()['results'][0]['references'][0]}")).json()
    assert stored["subject"]["reference"] == "Patient/p2"


async def test_a_deleted_observation_is_not_brought_back_by_its_reading(client, oximeter):
    reading = {"timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "data": {"spo2": 97}}
    first = (await send(client, oximeter, "/ingest/readings", reading)).json()["results"][0]
    assert (await client.delete(f"/fhir/{first['references'][0]}")).status_code in {200, 204}
    again = (await send(client, oximeter, "/ingest/readings", reading | {"quality": "good"})).json()[
        "results"
    ][0]
    assert again["status"] == "rejected"
    assert (await client.get(f"/fhir/{first['references'][0]}")).status_code == 410


async def test_a_correction_is_a_new_version_with_its_provenance(client, oximeter):
    reading = {"timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "data": {"spo2": 97}}
    await send(client, oximeter, "/ingest/readings", reading)
    corrected = reading | {"data": {"spo2": 96}, "corrects": True}
    result = (await send(client, oximeter, "/ingest/readings", corrected)).json()["results"][0]
    assert result["status"] == "amended"
    stored = (await client.get(f"/fhir/{result['references'][0]}")).json()
    assert (stored["status"], stored["meta"]["versionId"], stored["valueQuantity"]["value"]) == (
        "amended",
        "2",
        96,
    )


async def test_metrics_tell_the_reasons_that_the_answer_does_not(client, oximeter):
    reading = {"timestamp": 1, "data": {}}
    wrong = device_registry.Enrolled("pi-001", oximeter.device, "pulse-oximeter", "wrong")
    unknown = device_registry.Enrolled("pi-404", oximeter.device, "pulse-oximeter", "wrong")
    answers = [await send(client, device, "/ingest/readings", reading) for device in (wrong, unknown)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    metrics = (await client.get("/metrics")).text
    for reason in ("signature", "unknown-device"):
        assert f'ingest_authentication_failures_total{{reason="{reason}"}}' in metrics


async def test_a_device_is_not_sent_on_to_another_path_than_it_signed(client, oximeter):
    answer = await send(
        client, oximeter, "/ingest/readings/", {"timestamp": int(time.time()), "data": {"spo2": 97}}
    )
    assert answer.status_code == 404
