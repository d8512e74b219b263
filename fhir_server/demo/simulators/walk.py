"""Values that wander a little from one to the next, within bounds, as those of a person do.

https://en.wikipedia.org/wiki/Random_walk
"""

import random
from collections.abc import Iterator


def walk(chance: random.Random, low: float, high: float, step: float = 1) -> Iterator[float]:
    """Endless values between `low` and `high`, with as many decimals as `step` has; each is a step from the last at most."""
    digits = max(0, len(f"{step:.6f}".rstrip("0").partition(".")[2]))
    value = (low + high) / 2
    while True:
        value = min(high, max(low, value + chance.choice((-step, 0, 0, step))))
        yield round(value, digits) if digits else round(value)
