"""Devices registered over HTTP, which then send readings to the same application."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest


def signed(name, secret, path, body):
    """The headers of a request that the device signs."""
    stamp = str(int(datetime.now(UTC).timestamp()))
    message = "\n".join(["POST", path, stamp, name, hashlib.sha256(body).hexdigest()]).encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), message, "sha256")).decode()
    headers = {"X-Device-Id": name, "X-Timestamp": stamp, "X-Signature": signature}
    return headers | {"Content-Type": "application/json"}


@pytest.fixture
def register(client):
    async def registered(name="pi-001", type="pulse-oximeter", **members):
        members = {"patient": "p1"} | members
        if members["patient"] is not None:
            members = {"start": "2020-01-01T00:00:00Z"} | members
        asked = {"device_id": name, "type": type} | {k: v for k, v in members.items() if v is not None}
        return await client.post("/api/devices", json=asked)

    return registered


@pytest.fixture
def send(client):
    async def sent(enrolled, *readings):
        body = json.dumps(readings).encode()
        headers = signed(enrolled["device_id"], enrolled["secret"], "/ingest/readings", body)
        return await client.post("/ingest/readings", content=body, headers=headers)

    return sent
