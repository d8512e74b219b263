"""A phone that gathers what others measured: by turns Open mHealth data points and Health Connect records.

https://www.openmhealth.org/documentation/; https://developer.android.com/health-and-fitness/guides/health-connect
"""

import random
import uuid
from collections.abc import Iterator
from datetime import timedelta

from fhir_server.demo.simulators.message import OMH, WEARABLES, Message, now, stamp
from fhir_server.demo.simulators.walk import walk


def phone(chance: random.Random) -> Iterator[Message]:
    """Both, endlessly."""
    points, records = open_mhealth(chance), health_connect(chance)
    while True:
        yield next(points)
        yield next(records)


def open_mhealth(chance: random.Random) -> Iterator[Message]:
    """Data points: heart rate, pressure, temperature and glucose."""
    values = zip(
        walk(chance, 62, 88),
        walk(chance, 112, 138),
        walk(chance, 66, 86),
        walk(chance, 88, 120),
        strict=False,
    )
    for rate, systolic, diastolic, glucose in values:
        yield Message(
            OMH,
            [
                _point("heart-rate", "2.0", {"heart_rate": _of(rate, "beats/min")}),
                _point(
                    "blood-pressure",
                    "4.0",
                    {
                        "systolic_blood_pressure": _of(systolic, "mmHg"),
                        "diastolic_blood_pressure": _of(diastolic, "mmHg"),
                        "body_posture": "sitting",
                    },
                ),
                _point("body-temperature", "4.0", {"body_temperature": _of(36.8, "C")}),
                _point(
                    "blood-glucose",
                    "4.0",
                    {"blood_glucose": _of(glucose, "mg/dL"), "specimen_source": "capillary blood"},
                ),
            ],
        )


def health_connect(chance: random.Random) -> Iterator[Message]:
    """Records by the name of their type: pulse, steps, weight, energy, and the stages of a nap."""
    for rate, steps, weight in zip(
        walk(chance, 62, 96), walk(chance, 20, 180, 10), walk(chance, 78.5, 80.5, 0.1), strict=False
    ):
        moment = now()
        lasted = {"startTime": stamp(moment - timedelta(minutes=30)), "endTime": stamp(moment)}
        at = {"time": stamp(moment)}
        stages = [
            {"startTime": stamp(moment - timedelta(minutes=30)), "endTime": stamp(moment - timedelta(minutes=12)), "stage": 4},
            {"startTime": stamp(moment - timedelta(minutes=12)), "endTime": stamp(moment), "stage": 6},
        ]  # fmt: skip
        yield Message(
            WEARABLES,
            {
                "heartRate": [_record(lasted, samples=[{**at, "beatsPerMinute": rate}])],
                "oxygenSaturation": [_record(at, percentage=97)],
                "steps": [_record(lasted, count=steps)],
                "weight": [_record(at, weight={"inKilograms": weight})],
                "totalCaloriesBurned": [_record(lasted, energy={"inKilocalories": 62})],
                "sleepSession": [_record(lasted, stages=stages)],
            },
        )


def _point(name: str, version: str, body: dict[str, object]) -> dict[str, object]:
    moment = stamp(now())
    header = {
        "id": _id(),
        "creation_date_time": moment,
        "schema_id": {"namespace": "omh", "name": name, "version": version},
        "acquisition_provenance": {"source_name": "a simulated phone", "modality": "sensed"},
    }
    return {"header": header, "body": {**body, "effective_time_frame": {"date_time": moment}}}


def _record(when: dict[str, str], **values: object) -> dict[str, object]:
    metadata = {"id": _id(), "lastModifiedTime": stamp(now()), "dataOrigin": "a.simulated.app"}
    return {**when, "metadata": metadata, **values}


def _of(value: float, unit: str) -> dict[str, object]:
    return {"value": value, "unit": unit}


def _id() -> str:
    """A new one in every run: what comes again under the id of another run would be its correction."""
    return str(uuid.uuid4())
