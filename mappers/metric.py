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

CATEGORIES: Final[Mapping[str, Coding]] = MappingProxyType(
    {
        "vital-signs": Coding(systems.OBSERVATION_CATEGORY, "vital-signs", "Vital Signs"),
        "procedure": Coding(systems.OBSERVATION_CATEGORY, "procedure", "Procedure"),
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
class Scale:
    """What a number of this metric is: its UCUM `unit`, how people write it, what is plausible, what is suspect."""

    unit: str
    human: str
    accepts: tuple[str, ...]
    low: Decimal
    high: Decimal
    suspects: tuple[Suspect, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the registry. A measured value has a `scale`, a panel has `components`, a report neither.

    A panel is wrong without the components in `requires`.
    """

    key: str
    text: str
    codings: tuple[Coding, ...]
    categories: tuple[str, ...]
    profile: str | None
    scale: Scale | None
    components: tuple[str, ...]
    requires: tuple[str, ...]
    confidence: Confidence
