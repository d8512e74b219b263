"""Devices that treat: CPAP, automatic CPAP and BiPAP by the night, an oxygen concentrator and a ventilator by the minute.

docs/devices.md
"""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from fhir_server.demo.simulators.message import Message, now, reading
from fhir_server.demo.simulators.walk import walk

NIGHTS = 14
"""How far back the card goes. A night sent again is the same night with the same values, and changes nothing."""


def cpap(chance: random.Random) -> Iterator[Message]:
    """Nights at one pressure."""
    return _nights(chance, lambda night: {"mode": "CPAP", "pressure": 9, "pressure95": 9.4, **night})


def apap(chance: random.Random) -> Iterator[Message]:
    """Nights on which the device found its pressure itself, between two limits; leak in L/s, as the card has it."""

    def found(night: dict[str, object]) -> dict[str, object]:
        limits = {"mode": "APAP", "pressureMinimumSet": 6, "pressureMaximumSet": 14}
        per_second = {"leak95": {"value": 0.32, "unit": "L/s"}}
        return {**limits, "pressureMedian": 8.2, "pressure95": 10.8, **night, **per_second}

    return _nights(chance, found)


def bipap(chance: random.Random) -> Iterator[Message]:
    """Nights with one pressure for breathing in, one for breathing out, and a backup rate."""

    def ventilated(night: dict[str, object]) -> dict[str, object]:
        settings = {"mode": "BPAP-ST", "ipap": 16, "epap": 6, "pressureSupport": 10, "backup_rate": 14}
        return {**settings, **night, "respiratoryRate": 15, "tidalVolume": 480, "minuteVentilation": 7.2}

    return _nights(chance, ventilated)


def oxygen_concentrator(chance: random.Random) -> Iterator[Message]:
    """Flow to the patient, and how pure the oxygen leaves the device."""
    for purity, flow in zip(walk(chance, 91, 96, 0.1), walk(chance, 1.5, 2.5, 0.1), strict=False):
        yield reading({"flow_rate": flow, "flowRateSet": 2, "concentration": purity, "hours": 14.5})


def ventilator(chance: random.Random) -> Iterator[Message]:
    """What it gives, what the patient breathes beside it, and how it is set; volumes of single breaths in mL."""
    values = zip(walk(chance, 410, 470, 5), walk(chance, 14, 18), walk(chance, 2, 6), strict=False)
    for volume, rate, own in values:
        given = {
            "tidalVolume": volume,
            "respiratoryRate": rate,
            "minuteVentilation": round(volume * rate / 1000, 1),
        }
        settings = {"tidalVolumeSet": 440, "peep": 8, "backupRate": 14, "fio2Set": 40}
        yield reading({**given, "spontaneousRate": own, "fio2": 40, **settings})


def _nights(
    chance: random.Random, setup: Callable[[dict[str, object]], dict[str, object]]
) -> Iterator[Message]:
    """A reading for each of the last nights, from the earliest on, again and again."""
    seed = chance.random()
    while True:
        for back in range(NIGHTS, 0, -1):
            evening = _evening(now(), back)
            night = _night(random.Random(f"{seed}/{evening.date()}"))
            yield reading(setup(night), evening, id=f"night-{evening.date()}")


def _night(chance: random.Random) -> dict[str, object]:
    return {
        "ahi": round(chance.uniform(0.8, 5.5), 1),
        "oai": round(chance.uniform(0, 1.5), 1),
        "leakMedian": round(chance.uniform(2, 8), 1),
        "leak95": round(chance.uniform(12, 24), 1),
        "usage": round(chance.uniform(4.5, 8.5), 2),
    }


def _evening(moment: datetime, days_back: int) -> datetime:
    day = moment - timedelta(days=days_back)
    return day.replace(hour=22, minute=0, second=0, microsecond=0)
