"""Devices that cannot sign, over HTTP."""

import json
from datetime import UTC, datetime

import httpx
import psycopg
import pytest


def reading(spo2=97):
    return {"timestamp": datetime.now(UTC).isoformat(), "data": {"spo2": spo2}}


@pytest.fixture
async def client(serving):
    async with serving(device_api_keys=True) as opened:
        yield opened


@pytest.fixture
async def key(client, register):
    await register()
    made = await client.post("/api/devices/pi-001/api-key", json={})
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["warnings"] == []
    return made.json()["api_key"]


async def keyed(client, key, path="/ingest/readings", body=None, **headers):
    lines = {"X-Api-Key": key} if isinstance(key, str) else {}
    return await client.post(path, json=reading() if body is None else body, headers=lines | headers)


async def test_a_key_is_taken_at_every_address_of_devices(client, key):
    assert (await client.get("/api/devices/pi-001")).json()["api_key"] is True
    for path in ("/ingest/readings", "/api/devices/pi-001/readings"):
        answer = await keyed(client, key, path)
        assert (answer.status_code, answer.json()["results"][0]["status"]) == (200, "created")
    flat = {"timestamp": int(datetime.now(UTC).timestamp()), "spo2": 96}
    assert (await keyed(client, key, "/api/device/vitals", flat)).status_code == 200
    assert (await keyed(client, key, "/ingest/omh", [])).status_code == 200
    assert (await keyed(client, key, "/api/wearables/sync", {})).status_code == 200
    assert (await client.get("/api/devices/pi-001")).json()["connection"] == "connected"


async def test_a_key_brings_files_too(client, key):
    file = {"file": ("readings.json", json.dumps([reading()]).encode(), "application/json")}
    brought = await client.post("/ingest/files", files=file, headers={"X-Api-Key": key})
    assert brought.status_code == 200, brought.text
    refused = await client.post("/ingest/files", files=file, headers={"X-Api-Key": key[:-2]})
    assert refused.status_code == 401


async def test_a_copy_of_a_request_is_unchanged_by_its_identity_alone(client, key):
    body = reading()
    first, again = await keyed(client, key, body=body), await keyed(client, key, body=body)
    assert [each.json()["results"][0]["status"] for each in (first, again)] == ["created", "unchanged"]
    assert first.json()["results"][0]["references"] == again.json()["results"][0]["references"]


async def test_whatever_is_wrong_is_the_same_401_that_names_both_ways_in(client, key):
    await client.post("/api/devices", json={"device_id": "pi-002", "type": "pulse-oximeter"})
    other = (await client.post("/api/devices/pi-002/api-key", json={})).json()["api_key"]
    await client.post("/api/devices/pi-002/disable")
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    answers = [
        await keyed(client, wrong),
        await keyed(client, "dk_" + "0" * 16 + key[19:]),
        await keyed(client, "nonsense"),
        await keyed(client, None),
        await keyed(client, other),
        await keyed(client, key, **{"X-Device-Id": "pi-002"}),
        await keyed(client, key, **{"X-Signature": "x", "X-Timestamp": "1"}),
        await keyed(client, key, **{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"}),
    ]
    assert [each.status_code for each in answers] == [401] * len(answers)
    assert len({each.content for each in answers}) == 1
    assert {each.headers["www-authenticate"] for each in answers} == {
        'HMAC-SHA256 realm="devices", ApiKey realm="devices"'
    }


async def test_a_key_is_taken_from_afar_over_https_only(client, key):
    transport = httpx.ASGITransport(app=client._transport.app, client=("192.0.2.1", 4711))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://far") as plain,
        httpx.AsyncClient(transport=transport, base_url="https://far") as private,
    ):
        assert (await keyed(plain, key)).status_code == 401
        assert (await keyed(private, key)).status_code == 200


@pytest.mark.parametrize("name", ["Via", "X-Forwarded-Host", "X-Forwarded-For", "X-Real-IP", "Forwarded"])
async def test_who_comes_through_a_proxy_that_says_no_more_is_not_on_this_machine(client, key, name):
    assert (await keyed(client, key, **{name: "1.1 proxy"})).status_code == 401


async def test_a_new_key_ends_the_one_before_after_the_overlap(client, key):
    second = (await client.post("/api/devices/pi-001/api-key", json={"overlap_hours": 1})).json()["api_key"]
    assert [(await keyed(client, each)).status_code for each in (key, second)] == [200, 200]
    third = (await client.post("/api/devices/pi-001/api-key", json={"overlap_hours": 0})).json()["api_key"]
    assert [(await keyed(client, each)).status_code for each in (key, second, third)] == [401, 401, 200]


async def test_a_revoked_key_is_refused_and_the_device_may_still_sign(client, key, register, send):
    assert (await client.delete("/api/devices/pi-001/api-key")).status_code == 204
    assert (await client.get("/api/devices/pi-001")).json()["api_key"] is False
    assert (
        await client.post("/ingest/readings", json=reading(), headers={"X-Api-Key": key})
    ).status_code == 401
    rotated = (await client.post("/api/devices/pi-001/secret", json={})).json()
    assert (await send(rotated, reading())).status_code == 200


async def test_a_removed_device_has_no_key(client, key):
    await client.delete("/api/devices/pi-001")
    assert (await keyed(client, key)).status_code == 401


async def test_a_device_is_limited_with_a_key_as_it_is_when_it_signs(serving):
    async with serving(device_api_keys=True, device_burst=2, device_rate=0.01) as client:
        await client.post("/api/devices", json={"device_id": "pi-001", "type": "pulse-oximeter"})
        key = (await client.post("/api/devices/pi-001/api-key", json={})).json()["api_key"]
        answers = [await keyed(client, key, body=[]) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "100"


async def test_no_key_is_taken_unless_the_server_is_told_to(serving):
    async with serving() as client:
        await client.post("/api/devices", json={"device_id": "pi-001", "type": "pulse-oximeter"})
        made = (await client.post("/api/devices/pi-001/api-key", json={})).json()
        refused = await keyed(client, made["api_key"])
    assert "FHIR_DEVICE_API_KEYS" in made["warnings"][0]
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'HMAC-SHA256 realm="devices"')


async def test_of_a_key_the_database_has_its_hash(client, key, database_url):
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        rows = await (await connection.execute("SELECT k::text FROM device_api_key k")).fetchall()
    assert key[3:19] in rows[0][0]
    assert key[20:] not in rows[0][0]
