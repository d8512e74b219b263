"""Readings that wander a little from one to the next, as a resting person's do.

https://en.wikipedia.org/wiki/Random_walk
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Measures: TypeAlias = dict[str, int | dict[str, int | str]]


@dataclass(frozen=True, slots=True)
class Walk:
    """A value that stays within its bounds and moves by one step at most."""

    low: int
    high: int
    start: int

    def values(self, chance: random.Random) -> Iterator[int]:
        """Endless values."""
        value = self.start
        while True:
            yield value
            value = min(self.high, max(self.low, value + chance.choice((-1, 0, 0, 1))))


_SPO2: Final = Walk(94, 99, 97)
_PULSE: Final = Walk(62, 88, 72)
_SYSTOLIC: Final = Walk(112, 138, 124)
_DIASTOLIC: Final = Walk(66, 86, 76)


def pulse_oximetry(chance: random.Random) -> Iterator[Measures]:
    """What an oximeter sends, endlessly: the saturation in percent, the pulse in beats a minute."""
    for spo2, pulse in zip(_SPO2.values(chance), _PULSE.values(chance), strict=False):
        yield {"spo2": spo2, "pulseRate": pulse}


def blood_pressure(chance: random.Random) -> Iterator[Measures]:
    """What a cuff sends, endlessly, in mmHg; the mean is the usual third of the way up."""
    for systolic, diastolic in zip(_SYSTOLIC.values(chance), _DIASTOLIC.values(chance), strict=False):
        mean = round(diastolic + (systolic - diastolic) / 3)
        yield {
            name: {"value": value, "unit": "mmHg"}
            for name, value in (("systolic", systolic), ("diastolic", diastolic), ("mean", mean))
        }
