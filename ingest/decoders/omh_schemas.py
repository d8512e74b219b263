"""The Open mHealth schemas that are taken, by name and version: what each must and may hold.

https://www.openmhealth.org/documentation/#/schema-docs/schema-library
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from ingest.decoders.specimens import GLUCOSE_FIELDS
from mappers.reading import SummaryStatistic

Place = Literal["body_site", "body_position", "specimen", "note"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A member that holds a value with a unit: the field it becomes, and UCUM for each unit its schema knows."""

    field: str
    units: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Context:
    """A member that is chosen from a list, where it goes, and how a note calls it."""

    choices: tuple[str, ...]
    place: Place
    label: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of a body. Before version 4 a time may be a part of a day; in the first ones it may be missing."""

    measures: Mapping[str, Measure]
    contexts: Mapping[str, Context]
    time_required: bool = True
    part_of_day: bool = True
    user_notes: bool = False


STATISTICS: Final[Mapping[str, SummaryStatistic]] = MappingProxyType(
    {"average": "average", "median": "median", "minimum": "minimum", "maximum": "maximum"}
)
OTHER_STATISTICS: Final = (
    "standard deviation",
    "variance",
    "sum",
    "count",
    "quartile deviation",
    "80th percentile",
    "lower quartile",
    "upper quartile",
    "1st quintile",
    "2nd quintile",
    "3rd quintile",
    "4th quintile",
)
"""Known to the schemas and not taken: what they state is in another unit, or has no field here."""

OTHER_SPECIMENS: Final = ("breath", "lacrimal fluid", "saliva", "sweat", "tears", "urine")
"""Known to the schemas and not taken: no code for glucose in them is confirmed."""

_SPECIMENS: Final = (*(each for each in GLUCOSE_FIELDS if each is not None), *OTHER_SPECIMENS)
_GLUCOSE: Final = MappingProxyType(
    {"blood_glucose": Measure("bloodGlucose", MappingProxyType({"mg/dL": "mg/dL", "mmol/L": "mmol/L"}))}
)
_PRESSURE_UNITS: Final = MappingProxyType({"mmHg": "mm[Hg]"})
_PRESSURES: Final = MappingProxyType(
    {
        "systolic_blood_pressure": Measure("systolic", _PRESSURE_UNITS),
        "diastolic_blood_pressure": Measure("diastolic", _PRESSURE_UNITS),
    }
)
_TEMPERATURE: Final = MappingProxyType(
    {"body_temperature": Measure("bodyTemperature", MappingProxyType({"C": "Cel", "F": "[degF]", "K": "K"}))}
)
_RATE: Final = MappingProxyType({"heart_rate": Measure("heartRate", MappingProxyType({"beats/min": "/min"}))})

_MEAL: Final = Context(
    (
        "fasting",
        "not fasting",
        "before meal",
        "after meal",
        "before breakfast",
        "after breakfast",
        "before lunch",
        "after lunch",
        "before dinner",
        "after dinner",
        "2 hours postprandial",
    ),
    "note",
    "relation to meal",
)
_SLEEP: Final = Context(("before sleeping", "during sleep", "on waking"), "note", "relation to sleep")
_ACTIVITY: Final = Context(
    ("at rest", "active", "before exercise", "after exercise", "during exercise"),
    "note",
    "relation to physical activity",
)
_POSTURE: Final = Context(("sitting", "lying down", "standing", "semi-recumbent"), "body_position")
_LIMB: Final = Context(
    (
        "left ankle",
        "right ankle",
        "left hip",
        "right hip",
        "left thigh",
        "right thigh",
        "left thorax",
        "middle left thorax",
        "left upper arm",
        "right upper arm",
        "left wrist",
        "right wrist",
    ),
    "body_site",
)
_FIRST_SITES: Final = Context(
    ("oral", "rectal", "vaginal", "axillary", "otic", "wrist", "chest"), "body_site"
)
_SITES: Final = Context(
    (
        "axillary",
        "finger",
        "forehead",
        "oral",
        "rectal",
        "temporal artery",
        "toe",
        "tympanic",
        "wrist",
        "vagina",
    ),
    "body_site",
)


def _contexts(**by_member: Context) -> Mapping[str, Context]:
    return MappingProxyType(by_member)


_AROUND_GLUCOSE: Final = _contexts(
    specimen_source=Context(_SPECIMENS, "specimen"),
    temporal_relationship_to_meal=_MEAL,
    temporal_relationship_to_sleep=_SLEEP,
)
_FIRST_GLUCOSE: Final = Schema(
    _GLUCOSE,
    _contexts(
        blood_specimen_type=Context(("whole blood", "plasma", "serum"), "specimen"),
        temporal_relationship_to_meal=_MEAL,
        temporal_relationship_to_sleep=_SLEEP,
    ),
    time_required=False,
    user_notes=True,
)
_GLUCOSE_3: Final = Schema(_GLUCOSE, _AROUND_GLUCOSE)
_FIRST_PRESSURE: Final = Schema(
    _PRESSURES,
    _contexts(position_during_measurement=Context(("sitting", "lying down", "standing"), "body_position")),
    time_required=False,
    user_notes=True,
)
_PRESSURE_3: Final = Schema(_PRESSURES, _contexts(body_posture=_POSTURE, measurement_location=_LIMB))
_PRESSURE_3_1: Final = Schema(
    _PRESSURES,
    _contexts(
        body_posture=_POSTURE,
        measurement_location=_LIMB,
        temporal_relationship_to_physical_activity=_ACTIVITY,
    ),
)
_FIRST_TEMPERATURE: Final = Schema(
    _TEMPERATURE, _contexts(measurement_location=_FIRST_SITES), time_required=False
)
_TEMPERATURE_2: Final = Schema(
    _TEMPERATURE, _contexts(measurement_location=_SITES, temporal_relationship_to_sleep=_SLEEP)
)
_FIRST_RATE: Final = Schema(
    _RATE,
    _contexts(temporal_relationship_to_physical_activity=_ACTIVITY),
    time_required=False,
    user_notes=True,
)
_RATE_1_1: Final = replace(
    _FIRST_RATE,
    contexts=_contexts(
        temporal_relationship_to_physical_activity=_ACTIVITY, temporal_relationship_to_sleep=_SLEEP
    ),
)

SCHEMAS: Final[Mapping[tuple[str, str], Schema]] = MappingProxyType(
    {
        ("blood-glucose", "1.0"): _FIRST_GLUCOSE,
        ("blood-glucose", "2.0"): replace(_FIRST_GLUCOSE, contexts=_AROUND_GLUCOSE),
        ("blood-glucose", "3.0"): _GLUCOSE_3,
        ("blood-glucose", "4.0"): replace(_GLUCOSE_3, part_of_day=False),
        ("blood-pressure", "1.0"): _FIRST_PRESSURE,
        ("blood-pressure", "2.0"): replace(_FIRST_PRESSURE, contexts=_contexts(body_posture=_POSTURE)),
        ("blood-pressure", "3.0"): _PRESSURE_3,
        ("blood-pressure", "3.1"): _PRESSURE_3_1,
        ("blood-pressure", "4.0"): replace(_PRESSURE_3_1, part_of_day=False),
        ("body-temperature", "1.0"): _FIRST_TEMPERATURE,
        ("body-temperature", "2.0"): _TEMPERATURE_2,
        ("body-temperature", "3.0"): _TEMPERATURE_2,
        ("body-temperature", "4.0"): replace(_TEMPERATURE_2, part_of_day=False),
        ("heart-rate", "1.0"): _FIRST_RATE,
        ("heart-rate", "1.1"): _RATE_1_1,
        ("heart-rate", "2.0"): replace(_RATE_1_1, time_required=True, user_notes=False),
    }
)
