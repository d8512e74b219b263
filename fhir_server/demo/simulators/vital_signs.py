"""Devices that watch a resting person: oximeter, cuff, thermometer, respiration belt, bedside monitor, small boards, ECG.

docs/devices.md
"""

import random
from collections.abc import Iterator

from fhir_server.demo.simulators.message import VITALS, Message, now, reading
from fhir_server.demo.simulators.walk import walk


def pulse_oximeter(chance: random.Random) -> Iterator[Message]:
    """Saturation in percent, pulse, and how well blood flows through the finger; the chip's own temperature beside them."""
    values = zip(
        walk(chance, 94, 99),
        walk(chance, 62, 88),
        walk(chance, 1.2, 4.8, 0.1),
        walk(chance, 31, 34, 0.1),
        strict=False,
    )
    for spo2, pulse, perfusion, chip in values:
        yield reading({"spo2": spo2, "pulseRate": pulse, "perfusionIndex": perfusion, "temperature": chip})


def blood_pressure(chance: random.Random) -> Iterator[Message]:
    """A cuff in mmHg; the mean is the usual third of the way up."""
    values = zip(walk(chance, 112, 138), walk(chance, 66, 86), walk(chance, 62, 88), strict=False)
    for systolic, diastolic, pulse in values:
        mean = round(diastolic + (systolic - diastolic) / 3)
        pressures = {"systolic": systolic, "diastolic": diastolic, "mean": mean}
        measured = {name: {"value": value, "unit": "mmHg"} for name, value in pressures.items()}
        yield reading({**measured, "pulseRate": pulse})


def thermometer(chance: random.Random) -> Iterator[Message]:
    """One in degrees Fahrenheit, as it says."""
    for degrees in walk(chance, 97.2, 99.6, 0.1):
        yield reading({"temperature": {"value": degrees, "unit": "[degF]"}})


def respiration_monitor(chance: random.Random) -> Iterator[Message]:
    """Breaths a minute."""
    return (reading({"respiratoryRate": rate}) for rate in walk(chance, 11, 19))


def bedside_monitor(chance: random.Random) -> Iterator[Message]:
    """All of it in one message, which becomes one panel."""
    values = zip(
        walk(chance, 62, 92),
        walk(chance, 11, 20),
        walk(chance, 92, 98),
        walk(chance, 36.4, 37.6, 0.1),
        walk(chance, 118, 142),
        walk(chance, 68, 88),
        strict=False,
    )
    for rate, breaths, spo2, degrees, systolic, diastolic in values:
        yield reading(
            {
                "heartRate": rate,
                "respiratoryRate": breaths,
                "spo2": spo2,
                "temperature": degrees,
                "systolic": systolic,
                "diastolic": diastolic,
                "mean": round(diastolic + (systolic - diastolic) / 3),
                "consciousness": "A",
                "glasgowComaScore": 15,
                "oxygenFlow": 2,
            }
        )


def edge_monitor(chance: random.Random) -> Iterator[Message]:
    """A flat object to the address of small boards; `temperature` is the sensor chip's."""
    values = zip(walk(chance, 62, 88), walk(chance, 94, 99), walk(chance, 31, 34, 0.1), strict=False)
    for rate, spo2, chip in values:
        flat = {"heartRate": rate, "spo2": spo2, "temperature": chip, "timestamp": now().timestamp()}
        yield Message(VITALS, flat)


def edge_monitor_body_probe(chance: random.Random) -> Iterator[Message]:
    """The same board with a thermometer on the patient."""
    for degrees, message in zip(walk(chance, 36.3, 37.4, 0.1), edge_monitor(chance), strict=False):
        yield Message(VITALS, {**message.body, "temperature": degrees, "dieTemperature": 32.5})


def ecg_monitor(chance: random.Random) -> Iterator[Message]:
    """What an electrocardiograph works out of each minute: intervals in ms, and the rate that follows from RR."""
    values = zip(
        walk(chance, 720, 940, 5),
        walk(chance, 150, 180, 2),
        walk(chance, 84, 102, 2),
        walk(chance, 376, 404, 2),
        strict=False,
    )
    for interval, pr, qrs, qt in values:
        corrected = round(qt / (interval / 1000) ** 0.5)
        measured = {"pr_interval": pr, "qrs": qrs, "qt": qt, "qtcIntervalBazett": corrected}
        yield reading({"bpm": round(60_000 / interval), **measured, "rrInterval": interval})
