"""A blood-pressure cuff's reading, signed and sent with Python's standard library alone.

docs/ingest.md

    fhir-server device add cuff-1 --type blood-pressure --patient p1 --json     prints the secret
    DEVICE_ID=cuff-1 DEVICE_SECRET=… python examples/send_reading.py http://127.0.0.1:8000
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request

PATH = "/ingest/readings"


def signed_headers(device: str, secret: str, body: bytes, now: int) -> dict[str, str]:
    """The headers that prove which device sends `body`: HMAC-SHA256 over five lines."""
    lines = ("POST", PATH, str(now), device, hashlib.sha256(body).hexdigest())
    signature = hmac.digest(secret.encode(), "\n".join(lines).encode(), "sha256")
    return {
        "Content-Type": "application/json",
        "X-Device-Id": device,
        "X-Timestamp": str(now),
        "X-Signature": base64.b64encode(signature).decode(),
    }


def main(url: str) -> None:
    """Nothing; the answer, which names the resources made of the reading, is printed."""
    now = int(time.time())
    pressure = {"systolic": {"value": 128, "unit": "mmHg"}, "diastolic": {"value": 79, "unit": "mmHg"}}
    body = json.dumps({"timestamp": now, "data": pressure}).encode()
    headers = signed_headers(os.environ["DEVICE_ID"], os.environ["DEVICE_SECRET"], body, now)
    with urllib.request.urlopen(urllib.request.Request(url + PATH, body, headers)) as answer:
        print(answer.read().decode())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
