"""Devices looked after over HTTP."""

from datetime import UTC, datetime

import pytest

from fhir_server.app import create_app
from fhir_server.rest.api.device_models import Device
from tests.integration.rest.conftest import connected, settings


def reading(spo2=97):
    return {"timestamp": datetime.now(UTC).isoformat(), "data": {"spo2": spo2}}


async def test_a_device_registered_over_http_is_the_same_as_its_resource_and_may_send(client, register, send):
    made = await register(label="Bed 4", manufacturer="Acme", model="PX-1", serial_number="4711")
    assert made.status_code == 201
    assert made.headers["location"] == "/api/devices/pi-001"
    assert made.headers["cache-control"] == "no-store"
    enrolled = made.json()
    assert (await send(enrolled, reading())).status_code == 200
    resource = (await client.get(f"/fhir/{enrolled['device']}")).json()
    assert resource["deviceName"] == [{"name": "Bed 4", "type": "user-friendly-name"}]
    assert (resource["manufacturer"], resource["modelNumber"], resource["serialNumber"]) == (
        "Acme",
        "PX-1",
        "4711",
    )
    use = (await client.get(f"/fhir/{enrolled['assignment']}")).json()
    assert use["subject"] == {"reference": "Patient/p1"}


async def test_a_device_is_shown_by_name_or_id_and_never_with_its_secret(client, register, send):
    enrolled = (await register()).json()
    before = (await client.get("/api/devices/pi-001")).json()
    await send(enrolled, reading())
    after = (await client.get(f"/api/devices/{enrolled['device'].removeprefix('Device/')}")).json()
    assert (before["connection"], before["last_seen"]) == ("never", None)
    assert (after["connection"], after["patient"], after["status"]) == ("connected", "Patient/p1", "active")
    assert after["last_seen"] is not None
    Device.model_validate(after, extra="forbid")
    listing = await client.get("/api/devices")
    assert listing.json()["devices"] == [after]
    assert enrolled["secret"] not in listing.text


async def test_that_a_device_was_seen_is_not_written_with_every_request(client, register, send):
    enrolled = (await register()).json()
    await send(enrolled, reading(96))
    first = (await client.get("/api/devices/pi-001")).json()["last_seen"]
    await send(enrolled, reading(97))
    assert (await client.get("/api/devices/pi-001")).json()["last_seen"] == first


async def test_who_does_not_sign_is_not_seen(client, register, send):
    enrolled = (await register()).json()
    assert (await send(enrolled | {"secret": "x"}, reading())).status_code == 401
    assert (await client.get("/api/devices/pi-001")).json()["connection"] == "never"


async def test_devices_are_listed_page_by_page(client, register):
    for name in ("b", "a", "c"):
        await register(name)
    first = (await client.get("/api/devices?limit=2")).json()
    assert ([each["device_id"] for each in first["devices"]], first["next"]) == (["a", "b"], "b")
    second = (await client.get("/api/devices?limit=2&after=b")).json()
    assert ([each["device_id"] for each in second["devices"]], second["next"]) == (["c"], None)


async def test_a_device_is_described_anew(client, register):
    enrolled = (await register(label="Bed 4", manufacturer="Acme")).json()
    changed = await client.put("/api/devices/pi-001", json={"type": "pulse-oximeter", "model": "PX-2"})
    assert changed.status_code == 200
    shown = changed.json()
    assert (shown["label"], shown["manufacturer"], shown["model"]) == ("pi-001", None, "PX-2")
    assert (await client.get(f"/fhir/{enrolled['device']}")).json()["meta"]["versionId"] == "2"
    other = await client.put("/api/devices/pi-001", json={"type": "scale"})
    assert other.status_code == 422
    assert other.json()["issue"][0]["expression"] == ["type"]


async def test_a_new_secret_ends_the_one_before_after_the_overlap(client, register, send):
    enrolled = (await register()).json()
    again = await client.post("/api/devices/pi-001/secret", json={"overlap_hours": 0})
    assert (await send(enrolled, reading())).status_code == 401
    assert (await send(again.json(), reading())).status_code == 200


async def test_a_disabled_device_may_send_again_once_it_is_enabled(client, register, send):
    enrolled = (await register()).json()
    assert (await client.post("/api/devices/pi-001/disable")).json()["status"] == "disabled"
    assert (await send(enrolled, reading())).status_code == 401
    assert (await client.get(f"/fhir/{enrolled['device']}")).json()["status"] == "inactive"
    assert (await client.post("/api/devices/pi-001/enable")).json()["status"] == "active"
    assert (await send(enrolled, reading())).status_code == 200
    assert (await client.get(f"/fhir/{enrolled['device']}")).json()["status"] == "active"


async def test_a_removed_device_stays_for_its_readings_and_is_never_heard_again(client, register, send):
    enrolled = (await register()).json()
    answered = (await send(enrolled, reading())).json()["results"][0]
    assert (await client.delete("/api/devices/pi-001")).status_code == 204
    assert (await client.delete("/api/devices/pi-001")).status_code == 204
    assert (await send(enrolled, reading())).status_code == 401
    shown = (await client.get("/api/devices/pi-001")).json()
    assert (shown["status"], shown["patient"]) == ("removed", None)
    assert (await client.get(f"/fhir/{answered['references'][0]}")).status_code == 200
    assert (await client.get(f"/fhir/{enrolled['device']}")).json()["status"] == "inactive"
    for way, body in (("enable", None), ("secret", {}), ("api-key", {}), ("assignment", {"patient": "p2"})):
        assert (await client.post(f"/api/devices/pi-001/{way}", json=body)).status_code == 410
    assert (await register()).status_code == 409


async def test_an_assignment_ends_without_another_patient(client, register, send):
    enrolled = (await register()).json()
    ended = await client.post("/api/devices/pi-001/assignment", json={"end": "2026-01-01T00:00:00Z"})
    assert ended.json()["assignment"] == enrolled["assignment"]
    use = (await client.get(f"/fhir/{enrolled['assignment']}")).json()
    assert (use["status"], use["timingPeriod"]["end"]) == ("completed", "2026-01-01T00:00:00.000Z")
    assert (await send(enrolled, reading())).json()["results"][0]["status"] == "rejected"
    assert (await client.post("/api/devices/pi-001/assignment", json={})).status_code == 422


async def test_a_device_is_given_to_a_patient_for_a_while(client, register):
    await register(patient=None, start=None)
    period = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    made = await client.post("/api/devices/pi-001/assignment", json={"patient": "p2"} | period)
    assert made.json()["warnings"] == ["Patient/p2 is not here yet."]
    use = (await client.get(f"/fhir/{made.json()['assignment']}")).json()
    assert use["timingPeriod"] == {"start": "2026-01-01T00:00:00.000Z", "end": "2026-02-01T00:00:00.000Z"}


async def test_an_assignment_that_ends_before_it_starts_is_refused_by_its_end(client, register):
    await register("pi-001")
    period = {"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
    refused = await client.post("/api/devices/pi-001/assignment", json={"patient": "p1"} | period)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (400, ["end"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("POST", "", {"device_id": "a b", "type": "scale"}, 400, "device_id"),
        ("POST", "", {"device_id": "a", "type": "toaster"}, 400, "type"),
        ("POST", "", {"device_id": "scale", "type": "pulse-oximeter"}, 400, "device_id"),
        ("POST", "", {"device_id": "a"}, 400, "type"),
        ("POST", "", {"device_id": "a", "type": "scale", "secret": "mine"}, 400, "secret"),
        (
            "POST",
            "",
            {"device_id": "a", "type": "scale", "patient": "p1", "start": "2026-01-01"},
            400,
            "start",
        ),
        ("POST", "", {"device_id": "a", "type": "scale", "patient": "../p1"}, 400, "patient"),
        ("POST", "", {"device_id": "a", "type": "scale", "start": "2026-01-01T00:00:00Z"}, 400, "start"),
        (
            "POST",
            "",
            {"device_id": "a", "type": "scale", "patient": "p1", "start": 1_767_225_600_000},
            400,
            "start",
        ),
        ("POST", "", {"device_id": "a", "type": "scale", "label": "\1"}, 400, "label"),
        ("POST", "", {"device_id": "a", "type": "scale", "label": "x" * 70_000}, 413, None),
        ("POST", "", b"{", 400, None),
        ("POST", "", b'{"device_id": "a", "device_id": "b", "type": "scale"}', 400, None),
        ("GET", "?limit=0", None, 400, "limit"),
        ("GET", "?colour=red", None, 400, "colour"),
        ("GET", "/pi-404", None, 404, None),
        ("GET", "/%00", None, 404, None),
        ("POST", "/pi-404/enable", None, 404, None),
        ("POST", "/pi-404/api-key", {}, 404, None),
        ("DELETE", "/pi-404/api-key", None, 404, None),
        ("POST", "/pi-404/secret", {"overlap_hours": -1}, 400, "overlap_hours"),
        ("PATCH", "/pi-404", None, 405, None),
    ],
)
async def test_what_cannot_be_is_refused_with_an_outcome_that_names_it(
    client, method, path, body, status, named
):
    content = {"json": body} if body is not None else {}
    if isinstance(body, bytes):
        content = {"content": body, "headers": {"Content-Type": "application/json"}}
    refused = await client.request(method, f"/api/devices{path}", **content)
    assert refused.status_code == status, refused.text
    outcome = refused.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0].get("expression") == (named and [named])


@pytest.mark.parametrize("sent", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_a_body_that_is_not_called_json_is_refused_by_its_type(client, sent):
    body = b'{"device_id": "a", "type": "scale"}'
    refused = await client.post("/api/devices", content=body, headers={"Content-Type": sent})
    assert refused.status_code == 415, refused.text
    assert "application/json" in refused.json()["issue"][0]["diagnostics"]


async def test_nobody_is_let_in_without_the_token_whatever_they_send(app):
    async with app.router.lifespan_context(app), connected(app, Authorization="Bearer wrong") as stranger:
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/a"), ("PUT", "/a"), ("DELETE", "/a")):
            refused = await stranger.request(method, f"/api/devices{path}", content=b"x" * 100_000)
            assert refused.status_code == 401
        for way in ("assignment", "secret", "api-key", "enable", "disable"):
            assert (await stranger.post(f"/api/devices/a/{way}", json={})).status_code == 401


async def test_every_address_of_the_registry_is_documented(database_url):
    paths = create_app(settings(database_url)).openapi()["paths"]
    assert {"/api/devices", "/api/devices/{key}", "/api/devices/{key}/secret"} <= set(paths)
    for path, operations in paths.items():
        if path.startswith("/api/devices") and path != "/api/devices/{key}/readings":
            for operation in operations.values():
                assert operation["security"] == [{"bearer": []}]
                assert "application/fhir+json" in operation["responses"]["422"]["content"]
