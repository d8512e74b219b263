"""Random values by description: evenly spread, which a search for the smallest failing example is not."""

from collections.abc import Callable
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Draw(Generic[T]):
    """A way to draw a value with a Random."""

    def __init__(self, draw: Callable[[Random], T]) -> None:
        self.draw = draw

    def map(self, change: Callable[[T], object]) -> "Draw":
        """What is drawn, changed."""
        return Draw(lambda random: change(self.draw(random)))

    def filter(self, wanted: Callable[[T], bool]) -> "Draw[T]":
        """What is drawn, drawn again until it is wanted."""

        def drawn(random: Random) -> T:
            while not wanted(value := self.draw(random)):
                pass
            return value

        return Draw(drawn)


def one_in(*values: object) -> Draw:
    """One of the values."""
    return Draw(lambda random: random.choice(values))


def one_of(*draws: Draw) -> Draw:
    """What one of them draws."""
    return Draw(lambda random: random.choice(draws).draw(random))


def perhaps(draw: Draw) -> Draw:
    """What it draws, or now and then nothing."""
    return Draw(lambda random: draw.draw(random) if random.random() < 0.7 else None)


def some(draw: Draw, most: int = 2, least: int = 1) -> Draw:
    """A list, as long as that."""
    return Draw(lambda random: [draw.draw(random) for _ in range(random.randint(least, most))])


def pair(first: Draw, second: Draw) -> Draw:
    """What the two draw."""
    return Draw(lambda random: (first.draw(random), second.draw(random)))


def objects(**parts: Draw) -> Draw:
    """An object with these properties; one for which nothing is drawn is left out."""

    def drawn(random: Random) -> dict:
        values = {name: part.draw(random) for name, part in parts.items()}
        return {name: value for name, value in values.items() if value is not None}

    return Draw(drawn)
