"""Devices of the bathroom and the pocket: scale, glucose meter, glucose sensor, activity tracker.

docs/devices.md
"""

import random
from collections.abc import Iterator

from fhir_server.demo.simulators.message import Message, reading
from fhir_server.demo.simulators.walk import walk


def scale(chance: random.Random) -> Iterator[Message]:
    """Weight in kilograms, and the body mass index of someone of 1.72 m."""
    for weight in walk(chance, 78.5, 80.5, 0.1):
        yield reading({"weight": weight, "bmi": round(weight / 1.72**2, 1)})


def glucose_meter(chance: random.Random) -> Iterator[Message]:
    """Drops of blood in mmol/L, which is another code than mg/dL; now and then one below what the meter shows."""
    for number, level in enumerate(walk(chance, 4.2, 9.8, 0.1), 1):
        shown: object = "<1.1" if number % 20 == 0 else level
        yield reading({"glucose": {"value": shown, "unit": "mmol/L"}})


def continuous_glucose_monitor(chance: random.Random) -> Iterator[Message]:
    """A sensor under the skin, in mg/dL."""
    return (reading({"glucose": level}) for level in walk(chance, 85, 165, 2))


def activity_tracker(chance: random.Random) -> Iterator[Message]:
    """Steps since the last message, the pulse, and what the watch says of the night."""
    for steps, rate in zip(walk(chance, 10, 120, 5), walk(chance, 62, 110, 2), strict=False):
        slept = {"sleep": 432, "deepSleep": 81, "lightSleep": 250, "remSleep": 101, "awake": 24}
        yield reading({"steps": steps, "heartRate": rate, "restingHeartRate": 58, "calories": 1480, **slept})
