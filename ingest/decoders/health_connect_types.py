"""The record types of Health Connect that are taken: where their values stand, and what their numbers mean.

https://developer.android.com/reference/kotlin/androidx/health/connect/client/records/package-summary
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Spelling:
    """One of the units the platform writes a quantity in: UCUM, None for one that is not read.

    `ratio` of it make one of the first unit, whose zero is at `zero` of it.
    """

    unit: str | None
    ratio: Decimal
    zero: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A member that says a quantity in one or several units; a `plain` one may be a bare number in its field's unit."""

    member: str
    field: str
    spellings: Mapping[str, Spelling]
    plain: bool = False


@dataclass(frozen=True, slots=True)
class RecordType:
    """What a record of one type holds, and whether it lasts from a start to an end."""

    quantities: tuple[Quantity, ...]
    lasts: bool = False


def _spellings(**by_member: tuple[str | None, str]) -> Mapping[str, Spelling]:
    return MappingProxyType(
        {member: Spelling(unit, Decimal(ratio)) for member, (unit, ratio) in by_member.items()}
    )


_PLAIN: Final = _spellings()
_PRESSURES: Final = _spellings(inMillimetersOfMercury=("mm[Hg]", "1"))
_TEMPERATURES: Final = MappingProxyType(
    {
        "inCelsius": Spelling("Cel", Decimal(1)),
        "inFahrenheit": Spelling("[degF]", Decimal("1.8"), zero=Decimal(32)),
    }
)
_GLUCOSE: Final = _spellings(
    inMillimolesPerLiter=("mmol/L", "1"), inMilligramsPerDeciliter=("mg/dL", "18.016")
)
_MASS: Final = _spellings(
    inKilograms=("kg", "1"),
    inGrams=("g", "1000"),
    inPounds=("[lb_av]", "2.20462"),
    inOunces=(None, "35.274"),
    inMilligrams=(None, "1000000"),
    inMicrograms=(None, "1000000000"),
)
_LENGTH: Final = _spellings(
    inMeters=("m", "1"),
    inInches=("[in_i]", "39.3701"),
    inFeet=(None, "3.28084"),
    inKilometers=(None, "0.001"),
    inMiles=(None, "0.000621371"),
)
_ENERGY: Final = _spellings(
    inKilocalories=("kcal", "1"),
    inCalories=("cal", "1000"),
    inKilojoules=(None, "4.184"),
    inJoules=(None, "4184"),
)
"""A calorie of the platform is the small one: a thousand make the kilocalorie that people call by the same name."""

HEART_RATE: Final = "heartRate"
SLEEP: Final = "sleepSession"
GLUCOSE: Final = "bloodGlucose"
PRESSURE: Final = "bloodPressure"
TEMPERATURE: Final = "bodyTemperature"

RECORD_TYPES: Final[Mapping[str, RecordType]] = MappingProxyType(
    {
        HEART_RATE: RecordType((), lasts=True),
        "restingHeartRate": RecordType((Quantity("beatsPerMinute", "restingHeartRate", _PLAIN, plain=True),)),
        "heartRateVariabilityRmssd": RecordType(
            (Quantity("heartRateVariabilityMillis", "rmssd", _PLAIN, plain=True),)
        ),
        PRESSURE: RecordType(
            (
                Quantity("systolic", "systolic", _PRESSURES),
                Quantity("diastolic", "diastolic", _PRESSURES),
            )
        ),
        "oxygenSaturation": RecordType(
            (Quantity("percentage", "spo2", _spellings(value=("%", "1")), plain=True),)
        ),
        "respiratoryRate": RecordType((Quantity("rate", "respiratoryRate", _PLAIN, plain=True),)),
        TEMPERATURE: RecordType((Quantity("temperature", "bodyTemperature", _TEMPERATURES),)),
        "weight": RecordType((Quantity("weight", "weight", _MASS),)),
        "height": RecordType((Quantity("height", "height", _LENGTH),)),
        GLUCOSE: RecordType((Quantity("level", "bloodGlucose", _GLUCOSE),)),
        "steps": RecordType((Quantity("count", "steps", _PLAIN, plain=True),), lasts=True),
        "totalCaloriesBurned": RecordType((Quantity("energy", "calories", _ENERGY),), lasts=True),
        "activeCaloriesBurned": RecordType((Quantity("energy", "activeCalories", _ENERGY),), lasts=True),
        SLEEP: RecordType((), lasts=True),
    }
)

BODY_POSITIONS: Final = ("standing", "sitting", "lying down", "reclining")
PRESSURE_SITES: Final = ("left wrist", "right wrist", "left upper arm", "right upper arm")
TEMPERATURE_SITES: Final = (
    "armpit",
    "finger",
    "forehead",
    "mouth",
    "rectum",
    "temporal artery",
    "toe",
    "ear",
    "wrist",
    "vagina",
)
SPECIMENS: Final = (
    "interstitial fluid",
    "capillary blood",
    "plasma",
    "serum",
    "tears",
    "whole blood",
)
RELATIONS_TO_MEAL: Final = ("general", "fasting", "before meal", "after meal")
MEALS: Final = ("breakfast", "lunch", "dinner", "snack")
RECORDING_METHODS: Final = ("actively recorded", "automatically recorded", "manual entry")
"""The platform numbers each from 1; 0 means that it is not known."""
