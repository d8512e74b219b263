"""A message on its way: where it goes, what it says, and the headers that prove which device sends it.

docs/ingest.md, "Signing"
"""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

READINGS = "/ingest/readings"
VITALS = "/api/device/vitals"
OMH = "/ingest/omh"
WEARABLES = "/api/wearables/sync"


@dataclass(frozen=True)
class Message:
    """What is sent to one of the addresses above."""

    path: str
    body: Any  # Any: whatever JSON the address takes


@dataclass(frozen=True)
class Device:
    """A registered device and the secret that was shown when it was registered."""

    name: str
    type: str
    secret: str = field(repr=False)


def reading(data: dict[str, object], at: datetime | None = None, **more: object) -> Message:
    """A message with one reading, measured now unless `at` says when."""
    return Message(READINGS, {"timestamp": stamp(at or now()), "data": data, **more})


def now() -> datetime:
    """The moment, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    """`moment` as an ISO 8601 time in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def send(url: str, device: Device, message: Message) -> tuple[int, Any]:  # Any: whatever JSON was answered
    """The status and the JSON that the server answered; raises OSError when it did not answer."""
    body = json.dumps(message.body).encode()
    headers = {"Content-Type": "application/json", **signed(device, message.path, body, int(time.time()))}
    request = urllib.request.Request(url + message.path, body, headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def signed(device: Device, path: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a signed request: HMAC-SHA256 under the secret's own characters."""
    text = f"{at}.".encode() + body
    if path.startswith("/ingest/"):
        text = f"POST\n{path}\n{at}\n{device.name}\n{hashlib.sha256(body).hexdigest()}".encode()
    signature = base64.b64encode(hmac.digest(device.secret.encode(), text, "sha256")).decode()
    return {"X-Device-Id": device.name, "X-Timestamp": str(at), "X-Signature": signature}
