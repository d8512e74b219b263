"""What is known of one metric.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from terminology import systems
from terminology.service import Coding

Confidence = Literal["A", "B", "C", "L"]
Kind = Literal["measurement", "setting", "calculation"]
Statistic = Literal["unspecified", "mean", "median", "minimum", "maximum"]

CATEGORIES: Final[Mapping[str, Coding]] = MappingProxyType(
    {
        "vital-signs": Coding(systems.OBSERVATION_CATEGORY, "vital-signs", "Vital Signs"),
        "procedure": Coding(systems.OBSERVATION_CATEGORY, "procedure", "Procedure"),
        "laboratory": Coding(systems.OBSERVATION_CATEGORY, "laboratory", "Laboratory"),
        "exam": Coding(systems.OBSERVATION_CATEGORY, "exam", "Exam"),
        "survey": Coding(systems.OBSERVATION_CATEGORY, "survey", "Survey"),
        "activity": Coding(systems.OBSERVATION_CATEGORY, "activity", "Activity"),
        "setting": Coding(systems.LOCAL_CATEGORY, "setting", "Device setting"),
        "technical": Coding(systems.LOCAL_CATEGORY, "technical", "Technical state of the device"),
    }
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Values from `low` to `high` mean something else than they say."""

    low: Decimal
    high: Decimal
    means: str


@dataclass(frozen=True, slots=True)
class Limits:
    """From `low` to `high`, both included."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Scale:
    """What a number of this metric is: its UCUM `unit`, how people write it, what is plausible, what is suspect.

    `below` and `above` say which limit is plausible where a device says only that the value lies beyond it; None: one that
    a value may have. What is `whole` is counted or awarded, and has no fractions unless it is a mean.
    """

    unit: str
    human: str
    accepts: tuple[str, ...]
    low: Decimal
    high: Decimal
    suspects: tuple[Suspect, ...] = ()
    below: Limits | None = None
    above: Limits | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """What the samples of a waveform are in: the UCUM `unit`, and how people write it."""

    unit: str
    human: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the registry.

    A number has a `scale`, what is chosen from a list has `answers` by the device's word for each, a waveform is a
    `signal`. A panel has
    `components`, without those in `requires` it is wrong, and a scale where they sum up to a value of its own; or it has `members`, Observations of their own. A report or an event has
    none of these. What is a `setting` was chosen by somebody and measures nothing. `statistic` is the one that its code
    says the value is, `unspecified` where it says none.
    """

    key: str
    text: str
    codings: tuple[Coding, ...]
    categories: tuple[str, ...]
    profile: str | None
    scale: Scale | None
    answers: Mapping[str, Coding]
    signal: Signal | None
    components: tuple[str, ...]
    requires: tuple[str, ...]
    members: tuple[str, ...]
    kind: Kind
    confidence: Confidence
    statistic: Statistic = "unspecified"
