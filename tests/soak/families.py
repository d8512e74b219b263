"""What a device of each family sends in the storm: message after message, and what must become of each reading in it.

docs/ingest.md
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from tests.soak.load import START

Fate = Literal["stored", "corrected", "rejected"]
"""`corrected` says anew, with `corrects`, what the message before it said otherwise."""

READINGS, VITALS = "/ingest/readings", "/api/device/vitals"
OMH, WEARABLES = "/ingest/omh", "/api/wearables/sync"
BATCH = 4


@dataclass(frozen=True, slots=True)
class Message:
    """A body for an address, and the fate of each reading in it, in order."""

    path: str
    body: bytes
    fates: tuple[Fate, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """The devices of one type that send to one address."""

    type: str
    message: Callable[[int], Message]


def _moment(number: int) -> str:
    return (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _batches(type: str, data: Callable[[int], dict[str, Any]], wrong: dict[str, Any]) -> Family:
    """Batches, one reading of every tenth of which measures what cannot be."""

    def message(number: int) -> Message:
        readings, fates = [], list[Fate]()
        for n in range(number * BATCH, (number + 1) * BATCH):
            bad = n % 10 == 7
            readings.append({"timestamp": _moment(n), "data": data(n) | (wrong if bad else {})})
            fates.append("rejected" if bad else "stored")
        return Message(READINGS, json.dumps(readings).encode(), tuple(fates))

    return Family(type, message)


def _singles(type: str, data: Callable[[int], dict[str, Any]]) -> Family:
    def message(number: int) -> Message:
        reading = {"timestamp": _moment(number), "data": data(number)}
        return Message(READINGS, json.dumps(reading).encode(), ("stored",))

    return Family(type, message)


def _corrections(number: int) -> Message:
    """A temperature, then the same once more, corrected."""
    corrects = number % 2 == 1
    data = {"temperature": 36 + number % 20 / 10}
    reading = {"timestamp": _moment(number // 2), "data": data, "corrects": corrects}
    return Message(READINGS, json.dumps(reading).encode(), ("corrected" if corrects else "stored",))


def _vitals(number: int) -> Message:
    at = int((START + timedelta(seconds=number)).timestamp())
    flat = {"timestamp": at, "heartRate": 50 + number % 97, "spo2": 80 + number % 20, "temperature": 32}
    return Message(VITALS, json.dumps(flat).encode(), ("stored",))


def _points(number: int) -> Message:
    """Two Open mHealth data points, of every fifth message one in a unit that does not exist."""
    bad = number % 5 == 4
    points = [_point(number, "heart-rate", "2.0", "heart_rate", 60 + number % 40, "beats/min")]
    unit = "furlongs" if bad else "C"
    points.append(_point(number, "body-temperature", "4.0", "body_temperature", 36.5, unit))
    return Message(OMH, json.dumps(points).encode(), ("stored", "rejected" if bad else "stored"))


def _point(number: int, name: str, version: str, member: str, value: float, unit: str) -> dict[str, Any]:
    header = {
        "id": f"{name}-{number}",
        "creation_date_time": _moment(number),
        "schema_id": {"namespace": "omh", "name": name, "version": version},
        "acquisition_provenance": {"source_name": "soak", "modality": "sensed"},
    }
    measured = {member: {"value": value, "unit": unit}}
    return {"header": header, "body": measured | {"effective_time_frame": {"date_time": _moment(number)}}}


def _records(number: int) -> Message:
    """Health Connect records: a pulse of three samples, steps, and of every fifth message a weight nobody has."""
    at = {"time": _moment(number), "metadata": {"id": f"w-{number}", "lastModifiedTime": _moment(number)}}
    lasted = {
        "startTime": _moment(number),
        "endTime": _moment(number + 60),
        "metadata": {"id": f"l-{number}", "lastModifiedTime": _moment(number + 60)},
    }
    samples = [{"time": _moment(number + n), "beatsPerMinute": 60 + n + number % 40} for n in range(3)]
    bad = number % 5 == 4
    sent = {
        "heartRate": [lasted | {"samples": samples}],
        "steps": [lasted | {"count": number % 500}],
        "weight": [at | {"weight": {"inKilograms": 7000 if bad else 70 + number % 9}}],
    }
    fates: tuple[Fate, ...] = ("stored", "stored", "rejected" if bad else "stored")
    return Message(WEARABLES, json.dumps(sent).encode(), fates)


FAMILIES = (
    _batches("pulse-oximeter", lambda n: {"spo2": 80 + n % 20, "pulseRate": 50 + n % 97}, {"spo2": 101}),
    _batches(
        "blood-pressure", lambda n: {"systolic": 110 + n % 40, "diastolic": 70 + n % 20}, {"systolic": 60}
    ),
    _batches(
        "bedside-monitor",
        lambda n: {"heartRate": 60 + n % 60, "respiratoryRate": 10 + n % 12, "spo2": 90 + n % 9, "gcs": 15},
        {"respiratoryRate": 0},
    ),
    _batches(
        "cpap",
        lambda n: {
            "pressure": 9,
            "ahi": n % 30,
            "leak95": {"value": 0.3, "unit": "L/s"},
            "usage": 7,
            "mode": "CPAP",
        },
        {"leakage": 3},
    ),
    _batches(
        "bipap", lambda n: {"ipap": 14 + n % 4, "epap": 6, "backup_rate": 14, "ahi": n % 9}, {"epap": 20}
    ),
    _batches("ecg-monitor", lambda n: {"bpm": 60 + n % 30, "qrs": 90, "qt": 380, "qtc": 410}, {"qrs": 5}),
    _batches(
        "glucose-meter", lambda n: {"glucose": {"value": 90 + n % 60, "unit": "mg/dL"}}, {"glucose": "high"}
    ),
    _singles("oxygen-concentrator", lambda n: {"flow_rate": 2, "concentration": 90 + n % 6, "hours": 14}),
    _singles("scale", lambda n: {"weight": 70 + n % 9}),
    Family("thermometer", _corrections),
    Family("edge-monitor", _vitals),
    Family("phone", _points),
    Family("phone", _records),
)
