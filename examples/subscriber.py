"""What is measured of a patient, as it comes: a rest-hook subscription, its signatures checked, what was missed asked for.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/; https://www.standardwebhooks.com

    pip install standardwebhooks
    FHIR_OUTBOUND_ALLOW='["127.0.0.0/8"]' fhir-server serve     # a server that may send to this machine
    FHIR_TOKEN=… python examples/subscriber.py http://127.0.0.1:8000/fhir --patient p1

It remembers in a file which Subscription is its own and what it was told; started again, it asks for what came meanwhile.
"""

import argparse
import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"


class Subscriber:
    """One Subscription, and the number of the last event that was told of it, both kept in `file`."""

    def __init__(self, fhir: str, file: Path) -> None:
        self.fhir, self.file = fhir, file
        kept = json.loads(file.read_text()) if file.exists() else {"id": uuid.uuid4().hex, "seen": 0}
        self.id, self.seen = kept["id"], kept["seen"]

    def subscribe(self, patient: str, endpoint: str) -> None:
        """Nothing; the Subscription is there, and on unless the server had to give up on it, in which case it starts again."""
        try:
            status = self.ask("GET", f"Subscription/{self.id}")["status"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            status = "none"
        if status not in ("requested", "active"):
            self.ask("PUT", f"Subscription/{self.id}", subscription(self.id, patient, endpoint))
        self.keep()

    def secret(self) -> str:
        """What the server signs its notifications of this Subscription with."""
        (told,) = self.ask("GET", f"Subscription/{self.id}/$signing-secret")["parameter"]
        return told["valueString"]

    def catch_up(self) -> None:
        """Nothing; every event that came since the last one seen was told of."""
        url = f"{self.fhir}/Subscription/{self.id}/$events?eventsSinceNumber={self.seen + 1}"
        while url:
            bundle = self.ask("GET", url)
            for number, resource in events(bundle):
                self.tell(number, resource)
            url = next((each["url"] for each in bundle.get("link", ()) if each["relation"] == "next"), None)

    def take(self, bundle: dict) -> None:
        """Nothing; each event was told of once: those told before are passed over, those missing are asked for."""
        for number, resource in events(bundle):
            if number > self.seen + 1:
                self.catch_up()
            if number > self.seen:
                self.tell(number, resource)

    def tell(self, number: int, resource: dict | None) -> None:
        """Nothing; prints the event, and remembers that it did."""
        print(number, *(["no longer to be seen"] if resource is None else line(resource)), flush=True)
        self.seen = number
        self.keep()

    def keep(self) -> None:
        """Nothing; the file says what is known, whole or as it was."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"id": self.id, "seen": self.seen}))
        new.replace(self.file)

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        """What the server says; urllib's HTTPError when it refuses."""
        url = path if path.startswith("http") else f"{self.fhir}/{path}"
        headers = {
            "Authorization": f"Bearer {os.environ.get('FHIR_TOKEN', '')}",
            "Content-Type": "application/fhir+json",
        }
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return json.load(answer)


def subscription(id: str, patient: str, endpoint: str) -> dict:
    """New readings of the patient, with their content."""
    patients = {"url": f"{GUIDE}/backport-filter-criteria", "valueString": f"patient=Patient/{patient}"}
    return {
        "resourceType": "Subscription",
        "id": id,
        "meta": {"profile": [f"{GUIDE}/backport-subscription"]},
        "status": "requested",
        "reason": "What is measured, as it comes",
        "criteria": "urn:fhir-server:topic:new-reading",
        "_criteria": {"extension": [patients]},
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {
                "extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": "full-resource"}]
            },
        },
    }


def events(bundle: dict) -> Iterator[tuple[int, dict | None]]:
    """The number of each event, and what was measured; None where it may not be seen any more."""
    status, *entries = bundle["entry"]
    resources = {entry["fullUrl"]: entry.get("resource") for entry in entries}
    for parameter in status["resource"]["parameter"]:
        if parameter["name"] == "notification-event":
            parts = {part["name"]: part for part in parameter["part"]}
            focus = parts["focus"]["valueReference"]["reference"]
            yield int(parts["event-number"]["valueString"]), resources.get(focus)


def line(observation: dict) -> Iterator[object]:
    """What of an Observation is printed: its time, what was measured, and the value."""
    yield observation.get("effectiveDateTime")
    yield observation["code"]["coding"][0]["code"]
    for each in (observation, *observation.get("component", ())):
        quantity = each.get("valueQuantity")
        if quantity is not None:
            yield quantity["value"]
            yield quantity.get("unit", "")


class Notified(BaseHTTPRequestHandler):
    """Takes notifications: 204 once they were told of, 401 for those that are not signed by the server."""

    def do_POST(self) -> None:  # the name that http.server looks for
        """Nothing; the notification is answered."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            bundle = self.server.webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            status = 401
        else:
            self.server.subscriber.take(bundle)
            status = 204
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what came is printed elsewhere."""


def main() -> None:
    """Never returns: prints what comes."""
    parser = argparse.ArgumentParser(description="Print what is measured of a patient, as it comes.")
    parser.add_argument("fhir", nargs="?", default="http://127.0.0.1:8000/fhir", help="the FHIR address")
    parser.add_argument("--patient", default="p1", help="the id of the patient")
    parser.add_argument("--port", type=int, default=9001, help="where to be told, on this machine")
    parser.add_argument("--file", type=Path, default=Path("subscriber.json"), help="what is remembered")
    asked = parser.parse_args()
    subscriber = Subscriber(asked.fhir, asked.file)
    with HTTPServer(("127.0.0.1", asked.port), Notified) as server:  # who comes already now, waits
        subscriber.subscribe(asked.patient, f"http://127.0.0.1:{server.server_port}/")
        server.webhook, server.subscriber = Webhook(subscriber.secret()), subscriber
        subscriber.catch_up()
        server.serve_forever()


if __name__ == "__main__":
    main()
