"""A device of one's own, from its registration to the Observations, with Python's standard library alone.

docs/devices.md, "Ten minutes"

    FHIR_PROFILES_DIR=examples/device-types FHIR_TOKEN=… fhir-server serve
    FHIR_TOKEN=… python examples/own_device.py http://127.0.0.1:8000
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

MESSAGE = Path(__file__).parent / "device-types" / "wrist-band.json"
PATH = "/ingest/readings"


def asked(url: str, method: str, tree: dict[str, object] | None = None) -> dict[str, object]:
    """The answer to an administrator's request."""
    body = None if tree is None else json.dumps(tree).encode()
    kind = "application/json" if "/api/" in url else "application/fhir+json"
    headers = {"Authorization": f"Bearer {os.environ['FHIR_TOKEN']}", "Content-Type": kind}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)) as answer:
        return json.load(answer)


def sent(url: str, device: str, secret: str, message: dict[str, object]) -> dict[str, object]:
    """The answer to the maker's own `message`, signed by the device."""
    body, now = json.dumps(message).encode(), str(int(time.time()))
    lines = ("POST", PATH, now, device, hashlib.sha256(body).hexdigest())
    signature = hmac.digest(secret.encode(), "\n".join(lines).encode(), "sha256")
    headers = {
        "Content-Type": "application/json",
        "X-Device-Id": device,
        "X-Timestamp": now,
        "X-Signature": base64.b64encode(signature).decode(),
    }
    with urllib.request.urlopen(urllib.request.Request(url + PATH, body, headers)) as answer:
        return json.load(answer)


def registered(url: str) -> str:
    """The secret of the band: its first, or a new one where the band is registered already."""
    band: dict[str, object] = {"device_id": "band-1", "type": "wrist-band", "patient": "Patient/wearer"}
    try:
        enrolled = asked(f"{url}/api/devices", "POST", band)
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
        enrolled = asked(f"{url}/api/devices/band-1/secret", "POST", {})
    return str(enrolled["secret"])


def main(url: str) -> None:
    """Nothing; a line for each Observation that a message of the band became is printed."""
    asked(f"{url}/fhir/Patient/wearer", "PUT", {"resourceType": "Patient", "id": "wearer"})
    secret = registered(url)
    message = json.loads(MESSAGE.read_text(encoding="utf-8"))
    message["measured"]["at"] = int(time.time() * 1000)
    (result,) = sent(url, "band-1", secret, message)["results"]
    for reference in result["references"]:
        observation = asked(f"{url}/fhir/{reference}", "GET")
        value = observation["valueQuantity"]
        print(observation["code"]["text"], value["value"], value["unit"])


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    except urllib.error.HTTPError as error:
        sys.exit(f"The server answered {error.code}: {error.read().decode()}")
