"""A mixed load: creates, updates and deletes of one's own resources, signed batches of readings, searches.

docs/ingest.md; https://hl7.org/fhir/R4/http.html
"""

import asyncio
import itertools
import json
import random
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.enrolment import enrolled
from tests.soak.client import FHIR, Client, Device, Unanswered
from tests.soak.ledger import Ledger

START = datetime(2025, 1, 1, tzinfo=UTC)
MARKS = "urn:example:soak"
BATCH = 5


async def registered(url: str, data_dir: Path, count: int) -> list[Device]:
    """`count` pulse oximeters, each on a patient of its own since before START."""
    named = [(f"ox-{number}", "pulse-oximeter", f"p{number}") for number in range(count)]
    made = await enrolled(url, data_dir, named, START - timedelta(days=1))
    return [Device(each.name, each.secret, each.device) for each in made]


class Load:
    """Clients that run until `stop`, each with work of its own, and write down what they were promised."""

    def __init__(self, port: int, ledger: Ledger, devices: list[Device], *, pause: float = 0.005) -> None:
        self._port = port
        self._ledger = ledger
        self._devices = devices
        self._pause = pause
        self._stopping = asyncio.Event()
        self._unsettled: list[tuple[Device, list[dict[str, object]]]] = []

    def start(self, clients: int = 2) -> "list[asyncio.Task[None]]":
        """The running clients: of each kind of work `clients`, and one for each device."""
        lanes: list[Coroutine[None, None, None]] = []
        for number in range(clients):
            lanes += [self._creates(number), self._updates(number), self._searches(number)]
        lanes += [self._readings(device) for device in self._devices]
        return [asyncio.create_task(lane) for lane in lanes]

    def stop(self) -> None:
        """Each client ends after the request it is at."""
        self._stopping.set()

    async def settled(self) -> None:
        """Sends every batch again that was not answered, until it is; all of it must be there by then, once."""
        client = Client(self._port)
        for device, batch in self._unsettled:
            for _ in range(20):
                if await self._batch(client, device, batch):
                    break
                await asyncio.sleep(0.2)
            else:
                self._ledger.faults.append("a batch was not taken in twenty attempts")
        self._unsettled.clear()
        client.close()

    async def _creates(self, lane: int) -> None:
        client = Client(self._port)
        for number in self._numbers():
            mark = f"c-{lane}-{number}"
            self._ledger.creates[mark] = None
            answer = await self._sent(client, "POST", "/fhir/Observation", observation(mark, number))
            if answer is not None and answer.status == 201:
                self._ledger.creates[mark] = answer.json()["id"]
            await asyncio.sleep(self._pause)
        client.close()

    async def _updates(self, lane: int) -> None:
        client, chance = Client(self._port), random.Random(lane)
        for number in self._numbers():
            id = f"u-{lane}-{number % 7}"
            if chance.random() < 0.2:
                await self._deletion(client, id)
            else:
                await self._update(client, id, f"{id}-{number}")
            await asyncio.sleep(self._pause)
        client.close()

    async def _update(self, client: Client, id: str, mark: str) -> None:
        self._ledger.versions[id, mark] = None
        answer = await self._sent(client, "PUT", f"/fhir/Patient/{id}", patient(id, mark))
        if answer is not None and answer.status in {200, 201}:
            self._ledger.versions[id, mark] = int(answer.json()["meta"]["versionId"])

    async def _deletion(self, client: Client, id: str) -> None:
        attempts = self._ledger.deletions.setdefault(id, [])
        attempts.append(None)
        answer = await self._sent(client, "DELETE", f"/fhir/Patient/{id}", b"")
        if answer is not None and (etag := answer.headers.get("etag")):
            attempts[-1] = int(etag.removeprefix('W/"').removesuffix('"'))

    async def _searches(self, lane: int) -> None:
        client = Client(self._port)
        queries = itertools.cycle(
            (
                "/fhir/Observation?patient=p0&code=59408-5&_sort=-date&_count=20",
                f"/fhir/Observation?identifier={MARKS}%7Cc-{lane}-1",
                "/fhir/Patient?_count=5",
                "/fhir/Patient/_history?_count=5",
            )
        )
        for _ in self._numbers():
            await self._sent(client, "GET", next(queries), b"")
            await asyncio.sleep(self._pause)
        client.close()

    async def _readings(self, device: Device) -> None:
        client = Client(self._port)
        for number in self._numbers():
            batch = [reading(number * BATCH + n) for n in range(BATCH)]
            for each in batch:
                time, values = str(each["timestamp"]), each["data"]
                self._ledger.readings[device.reference, time] = (values["spo2"], values["pulseRate"])  # type: ignore[index]
            if not await self._batch(client, device, batch):
                self._unsettled.append((device, batch))
            await asyncio.sleep(self._pause)
        client.close()

    async def _batch(self, client: Client, device: Device, batch: list[dict[str, object]]) -> bool:
        """Whether the batch was taken in."""
        body = json.dumps(batch).encode()
        headers = device.signed("/ingest/readings", body)
        answer = await self._sent(client, "POST", "/ingest/readings", body, headers)
        if answer is None:
            return False
        results = answer.json()["results"]
        if strange := [each for each in results if each["status"] not in {"created", "unchanged"}]:
            self._ledger.faults.append(f"readings were answered {strange[0]}")
        self._ledger.promised |= {(device.reference, str(each["timestamp"])) for each in batch}
        return True

    async def _sent(
        self, client: Client, method: str, path: str, body: bytes, headers: dict[str, str] = FHIR
    ):
        """The answer when it settles the request, else None, after a moment."""
        try:
            answer = await client.send(method, path, headers, body)
            if self._ledger.note(f"{method} {path}", answer):
                return answer
        except Unanswered:
            self._ledger.unanswered()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), 0.1)
        return None

    def _numbers(self) -> "itertools.takewhile[int]":
        return itertools.takewhile(lambda _: not self._stopping.is_set(), itertools.count())


def reading(number: int) -> dict[str, object]:
    """The `number`th reading of a pulse oximeter, two values that belong together."""
    at = (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"timestamp": at, "data": {"spo2": 80 + number % 20, "pulseRate": 50 + number % 97}}


def observation(mark: str, number: int) -> bytes:
    """A heart rate that carries `mark`."""
    coding = {"system": "http://loinc.org", "code": "8867-4"}
    unit = {"unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    tree = {
        "resourceType": "Observation",
        "identifier": [{"system": MARKS, "value": mark}],
        "status": "final",
        "code": {"coding": [coding]},
        "subject": {"reference": f"Patient/c{number % 50}"},
        "effectiveDateTime": (START + timedelta(seconds=number)).isoformat(),
        "valueQuantity": {"value": 40 + number % 100, **unit},
    }
    return json.dumps(tree).encode()


def patient(id: str, mark: str) -> bytes:
    """A Patient that carries `mark`."""
    tree = {
        "resourceType": "Patient",
        "id": id,
        "identifier": [{"system": MARKS, "value": mark}],
        "name": [{"family": f"Family {mark}"}],
    }
    return json.dumps(tree).encode()
