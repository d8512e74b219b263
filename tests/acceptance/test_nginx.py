"""The example of a proxy, as Debian's nginx runs it before a real server."""

import json
import ssl

import httpx
import pytest
from websockets.sync.client import connect

from tests import nginx
from tests.acceptance.command_line import TOKEN

OUTSIDE = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def proxy(server, tmp_path_factory):
    """The address of nginx before the server, to which it comes from 127.0.0.2, and what its certificate is trusted by."""
    with nginx.before(server.url, tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.mark.item("smart-D3")
def test_addresses_are_those_that_the_client_sees(proxy):
    address, _, pem = proxy
    with httpx.Client(verify=ssl.create_default_context(cafile=str(pem))) as client:
        told = client.get(f"{address}/fhir/metadata", headers=OUTSIDE)
        assert told.json()["implementation"]["url"] == f"{address}/fhir"
        assert "strict-transport-security" in told.headers
        discovered = client.get(f"{address}/fhir/.well-known/smart-configuration").json()
        assert discovered["token_endpoint"].startswith(address + "/")


def test_a_resource_with_a_large_body_passes_as_it_is(proxy):
    address, _, pem = proxy
    note = {"resourceType": "Basic", "code": {"text": "x" * 300_000}}
    with httpx.Client(verify=ssl.create_default_context(cafile=str(pem)), headers=OUTSIDE) as client:
        made = client.post(
            f"{address}/fhir/Basic",
            content=json.dumps(note),
            headers={"Content-Type": "application/fhir+json"},
        )
        assert made.status_code == 201
        assert made.headers["location"].startswith(f"{address}/fhir/Basic/")
        assert client.get(made.headers["location"]).json()["code"] == note["code"]


def test_events_and_messages_pass_as_they_come(proxy):
    address, _, pem = proxy
    trusted = ssl.create_default_context(cafile=str(pem))
    headers = {**OUTSIDE, "Content-Type": "application/fhir+json"}
    reading = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    with httpx.Client(verify=trusted, headers=headers, base_url=address) as client:
        client.put("/fhir/Patient/streamed", content='{"resourceType":"Patient","id":"streamed"}')
        socket = connect(
            f"{address.replace('https', 'wss')}/ws/patients/streamed",
            ssl=trusted,
            additional_headers={"Authorization": OUTSIDE["Authorization"]},
        )
        with socket, client.stream("GET", "/live/patients/streamed") as events:
            lines = events.iter_lines()
            assert next(lines) == ":"
            made = client.post(
                "/fhir/Observation",
                content=json.dumps({**reading, "subject": {"reference": "Patient/streamed"}}),
            )
            assert f'"id": "{made.json()["id"]}"' in socket.recv(timeout=20)
            assert "event: observation" in lines


@pytest.mark.item("smart-1.9-forwarded")
def test_who_is_no_trusted_proxy_is_not_believed(server):
    told = httpx.get(f"{server.url}/fhir/metadata", headers={"X-Forwarded-Proto": "https"})
    assert told.json()["implementation"]["url"] == f"{server.url}/fhir"
    assert "strict-transport-security" not in told.headers


def test_in_clear_the_client_is_told_where_to_go_and_metrics_stay_inside(proxy):
    address, clear, pem = proxy
    moved = httpx.get(f"{clear}/fhir/metadata")
    assert (moved.status_code, moved.headers["location"]) == (308, "https://localhost/fhir/metadata")
    with httpx.Client(verify=ssl.create_default_context(cafile=str(pem))) as client:
        assert client.get(f"{address}/metrics").status_code == 404
