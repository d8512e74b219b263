"""What is sent: signed readings of the ward's oximeters and thermometers, Observations alone and in Bundles, requests to read.

docs/ingest.md, https://hl7.org/fhir/R4/http.html
"""

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson

from fhir_server.interactions import device_registry
from fhir_server.keys import master_key
from fhir_server.store.database import Database
from tests.benchmarks.driver import request
from tests.benchmarks.processes import TOKEN
from tests.benchmarks.records import START

BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = BEARER | {"Content-Type": "application/fhir+json"}
VERSIONS = 5


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device and whom it measures."""

    name: str
    secret: str
    patient: str


async def oximeters(url: str, data_dir: Path, count: int) -> list[Device]:
    """`count` pulse oximeters, each registered and assigned to a patient of its own since before START."""
    return await _registered(url, data_dir, "pulse-oximeter", "ox", count)


async def thermometers(url: str, data_dir: Path, count: int) -> list[Device]:
    """`count` thermometers as well, of the same patients; of each of their readings one Observation is made."""
    return await _registered(url, data_dir, "thermometer", "thermometer", count)


async def _registered(url: str, data_dir: Path, profile: str, stem: str, count: int) -> list[Device]:
    database = Database(url, size=2)
    await database.open()
    key = master_key(None, data_dir)
    made = []
    for number in range(count):
        name, patient = f"{stem}-{number}", f"p{number}"
        enrolled = await device_registry.register(
            database,
            key,
            name=name,
            profile=profile,
            patient=patient,
            start=START - timedelta(days=1),
        )
        made.append(Device(name, enrolled.secret, patient))
    await database.close()
    return made


def batches(devices: list[Device], readings: int, size: int) -> Iterator[bytes]:
    """Signed requests of `size` readings each, `readings` in all, a minute between two of a device."""
    for first in range(0, readings // len(devices), size):
        for device in devices:
            yield signed(device, [_reading(number) for number in range(first, first + size)])


def single(devices: list[Device], count: int, first: int) -> Iterator[bytes]:
    """Signed requests of one reading each."""
    for number in range(count):
        yield signed(devices[number % len(devices)], [_reading(first + number // len(devices))])


def _reading(number: int) -> dict[str, object]:
    at = (START + timedelta(minutes=number)).isoformat()
    return {"timestamp": at, "data": {"spo2": 90 + number % 10, "pulseRate": 60 + number % 40}}


def signed(device: Device, readings: list[dict[str, object]]) -> bytes:
    """A POST of the readings, as the device signs it."""
    body = orjson.dumps(readings)
    stamp = str(int(time.time()))
    digest = hashlib.sha256(body).hexdigest()
    text = f"POST\n/ingest/readings\n{stamp}\n{device.name}\n{digest}".encode()
    signature = base64.b64encode(hmac.digest(device.secret.encode(), text, "sha256")).decode()
    headers = {"X-Device-Id": device.name, "X-Timestamp": stamp, "X-Signature": signature}
    return request("POST", "/ingest/readings", headers | {"Content-Type": "application/json"}, body)


def temperature(device: Device, number: int) -> tuple[bytes, bytes]:
    """A signed request of one reading, unlike any other number's, and when it says that it was measured."""
    at = (START + timedelta(milliseconds=100 * number)).isoformat(timespec="milliseconds")
    reading = {"timestamp": at, "data": {"temperature": 36 + number % 40 / 10}}
    return at[:23].encode(), signed(device, [reading])


def temperatures(device: Device, first: int, count: int) -> bytes:
    """A signed request of `count` such readings."""
    times = (START + timedelta(milliseconds=100 * number) for number in range(first, first + count))
    at = [each.isoformat(timespec="milliseconds") for each in times]
    return signed(device, [{"timestamp": each, "data": {"temperature": 37.1}} for each in at])


def observation(number: int, ward: str = "p") -> bytes:
    """A vital sign as an EHR would post it, of one of the hundred patients of a ward."""
    at = (START + timedelta(seconds=number)).isoformat()
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    coding = {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}
    quantity = {
        "value": 60 + number % 50,
        "unit": "/min",
        "system": "http://unitsofmeasure.org",
        "code": "/min",
    }
    return orjson.dumps(
        {
            "resourceType": "Observation",
            "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/heartrate"]},
            "status": "final",
            "category": [{"coding": [{"system": system, "code": "vital-signs", "display": "Vital Signs"}]}],
            "code": {"coding": [coding], "text": "Heart rate"},
            "subject": {"reference": f"Patient/{ward}{number % 100}"},
            "effectiveDateTime": at,
            "device": {"reference": "Device/0197fd6e-7b44-7000-8000-000000000001"},
            "valueQuantity": quantity,
        }
    )


def creates(end: int, ward: str = "p", first: int = 0) -> Iterator[bytes]:
    """POSTs of an Observation each, from number `first` to before `end`."""
    numbers = range(first, end)
    return (request("POST", "/fhir/Observation", JSON, observation(number, ward)) for number in numbers)


def bundles(type: str, count: int, size: int) -> Iterator[bytes]:
    """POSTs of a Bundle of `type` with `size` Observations to create."""
    for number in range(count):
        entries = [
            b'{"fullUrl":"urn:uuid:%s","resource":%s,"request":{"method":"POST","url":"Observation"}}'
            % (str(uuid.uuid4()).encode(), observation(number * size + entry))
            for entry in range(size)
        ]
        body = b'{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (type.encode(), b",".join(entries))
        yield request("POST", "/fhir", JSON, body)


def versions(count: int) -> Iterator[bytes]:
    """PUTs of `count` Observations, each five times."""
    for version in range(VERSIONS):
        for number in range(count):
            body = b'{"id":"history-%d",%s' % (number, observation(number + version)[1:])
            yield request("PUT", f"/fhir/Observation/history-{number}", JSON, body)


def reads(ids: list[str], count: int) -> Iterator[bytes]:
    """GETs of one Observation by its id."""
    return (request("GET", f"/fhir/Observation/{ids[n * 7919 % len(ids)]}", BEARER) for n in range(count))


def histories(of: int, count: int) -> Iterator[bytes]:
    """GETs of all versions of one of `of` Observations."""
    return (request("GET", f"/fhir/Observation/history-{n % of}/_history", BEARER) for n in range(count))
