"""Requests to `/api` and to ingest leave records too."""

import psycopg


def records(url):
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT kind, action, outcome, subject, type, entity, patient, detail FROM audit ORDER BY id"
        ).fetchall()


async def test_the_work_of_administrators_is_recorded_and_so_is_its_refusal(client, database_url):
    await client.post("/api/devices", json={"device_id": "ox-1", "type": "pulse-oximeter"})
    await client.post("/api/devices/ox-1/disable")
    await client.get("/api/devices/none")
    await client.get("/api/devices", headers={"Authorization": "Bearer wrong"})
    found = [
        (kind, action, outcome, who, id) for kind, action, outcome, who, _, id, *_ in records(database_url)
    ]
    assert found == [
        ("administration", "device-create", 0, "static-token", ""),
        ("administration", "device-update", 0, "static-token", "ox-1"),
        ("administration", "device-read", 4, "static-token", "none"),
        ("administration", "device-read", 4, "", ""),
    ]


async def test_what_is_changed_is_recorded_once_where_the_route_notes_it(client, database_url):
    await client.post(
        "/api/users", json={"name": "dr", "role": "practitioner", "password": "correct horse battery"}
    )
    assert [action for _, action, *_ in records(database_url)] == ["user-create"]


async def test_who_brings_a_file_is_recorded_and_so_is_who_may_not(client, database_url):
    await client.post("/ingest/files?device=ox-1", content=b"x")
    await client.post("/ingest/files?device=ox-1", content=b"x", headers={"Authorization": "Bearer wrong"})
    found = [(action, outcome, who) for _, action, outcome, who, *_ in records(database_url)]
    assert found == [("file-create", 0, "static-token"), ("file-create", 4, "")]


async def test_a_view_of_a_patient_is_recorded_with_the_patient(client, database_url):
    await client.get("/api/patients/p1/live-data")
    ((kind, action, _, _, type, id, patient, detail),) = records(database_url)
    assert (kind, action, type, id, patient) == ("rest", "read", "Patient", "p1", "p1")
    assert detail["name"] == "GET /api/patients/{id}/live-data"


async def test_a_device_that_does_not_prove_itself_is_recorded_with_its_address(client, database_url):
    lines = {"X-Device-Id": "ox-1", "X-Signature": "x", "X-Timestamp": "1"}
    answer = await client.post("/ingest/readings", json=[], headers=lines)
    assert answer.status_code == 401
    ((kind, action, outcome, *_, detail),) = records(database_url)
    assert (kind, action, outcome, detail["address"]) == ("ingest", "denied", 4, "127.0.0.1")


async def test_a_client_that_is_registered_is_recorded_once(client, database_url):
    feed = {"id": "feed", "name": "Feed", "authentication": "client_secret_basic", "backend": True}
    await client.post("/api/clients", json={**feed, "scopes": ["system/*.rs"]})
    await client.post("/api/clients/feed/disable")
    found = [(action, id) for _, action, _, _, _, id, *_ in records(database_url)]
    assert found == [("client-create", "feed"), ("client-update", "feed")]
