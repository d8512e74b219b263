"""The example of examples/subscriber.py prints what is measured, each reading once, also what came while it was away."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.contract.clients.content import heart_rate

pytestmark = pytest.mark.xdist_group("clients")

EXAMPLE = Path(__file__).parents[3] / "examples" / "subscriber.py"


@contextmanager
def running(server, port, file):
    """Its output, line by line."""
    command = [sys.executable, str(EXAMPLE), server.fhir, "--patient", "told", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--file", str(file)],
        env=os.environ | {"FHIR_TOKEN": server.token},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def client(server):
    """An app that stores what is measured."""
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/fhir+json"}
    with httpx.Client(base_url=server.fhir, headers=headers) as opened:
        opened.put("/Patient/told", content='{"resourceType":"Patient","id":"told"}')
        yield opened


def send(client, rate):
    """Nothing; the heart rate is stored, and measured at the minute of as much."""
    sent = client.post("/Observation", content=json.dumps(heart_rate("Patient/told", rate, rate)))
    assert sent.status_code == 201, sent.text


def wait_until_active(client, file):
    """Nothing, once the handshake of the Subscription that `file` names was answered."""
    for _ in range(100):
        if file.exists():
            asked = client.get(f"/Subscription/{json.loads(file.read_text())['id']}").json()
            if asked.get("status") == "active":
                return
        time.sleep(0.1)
    raise AssertionError(f"the Subscription is not active: {asked}")


def test_a_script_is_told_of_each_reading_once_and_of_none_that_is_not_signed(server, client, tmp_path):
    file = tmp_path / "subscriber.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running(server, port, file) as said:
        wait_until_active(client, file)
        send(client, 1)
        assert said.readline().split() == ["1", "2026-02-03T10:01:00Z", "8867-4", "1", "/min"]
        assert httpx.post(f"http://127.0.0.1:{port}/", content=b"{}").status_code == 401
    send(client, 2)
    with running(server, port, file) as said:
        assert said.readline().split()[::3] == ["2", "2"]
        send(client, 3)
        assert said.readline().split()[::3] == ["3", "3"]
