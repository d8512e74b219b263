"""A device reading as the decoders hand it over, and what may be said against it.

https://hl7.org/fhir/R4/observation.html#notes
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, TypeAlias

from mappers.circumstances import Circumstances
from mappers.device_status import DeviceStatus
from mappers.personal_health import PersonalHealth
from mappers.times import DeviceTime

AbsentReason = Literal[
    "unknown",
    "error",
    "not-performed",
    "not-a-number",
    "negative-infinity",
    "positive-infinity",
    "not-permitted",
    "unsupported",
    "not-applicable",
    "temp-unknown",
    "masked",
]


@dataclass(frozen=True, slots=True)
class Absent:
    """A device's own sign that it has no value; `reason` is a code of the data-absent-reason code system."""

    reason: AbsentReason


FieldValue: TypeAlias = int | Decimal | str | bool | Absent | None
"""What a device may send for one field; only `int` and `Decimal` measure anything, None counts as not sent."""

Quality: TypeAlias = str | int | Decimal | None
"""How good a device says its signal was: a word of its own, or a part of one."""

Severity = Literal["error", "warning"]
SummaryStatistic = Literal["average", "median", "minimum", "maximum"]

NO_UNITS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reading:
    """What one device said at one time; no FHIR yet.

    `fields` holds the values by the device's own field names, `units` the units it sent beside them (a field that is
    not in `units` has the unit its device profile declares). `time` is when the device says it measured (the start,
    where there is a `duration`), `received` when the message came in. `patient` is the patient the payload names:
    a logical id, with or without `Patient/`. Where the values sum up others, `statistic` says how. `revised` is when the
    source last changed what it says, so that an older version never replaces a newer one. `paths` says where in the
    message each field stood, `timestamp` and `revised` among them, where that is not under its own name. `night` is the day
    on which the night of therapy began that this is part of.
    `personal_health` is what an Observation of that guide says beside its values, `status` what the device says of itself;
    with that, there may be no fields. `of_record` says that `sequence` is the id of a record at the source, which alone tells
    it from others: its time may be edited there.
    """

    device: str
    profile: str
    time: DeviceTime
    received: datetime
    fields: Mapping[str, FieldValue]
    units: Mapping[str, str] = field(default_factory=lambda: NO_UNITS)
    patient: str | None = None
    sequence: str | None = None
    duration: timedelta | None = None
    corrects: bool = False
    quality: Quality = None
    statistic: SummaryStatistic | None = None
    circumstances: Circumstances | None = None
    revised: datetime | None = None
    paths: Mapping[str, str] | None = None
    night: date | None = None
    personal_health: PersonalHealth | None = None
    status: DeviceStatus | None = None
    of_record: bool = False

    @property
    def is_going_on(self) -> bool:
        """Whether it came in before what it tells of was over: the steps of today."""
        return self.duration is not None and self.time.moment + self.duration > self.received


@dataclass(frozen=True, slots=True)
class MappingIssue:
    """One thing that is wrong with a reading.

    `code` is from http://hl7.org/fhir/issue-type; `element` is the device's own field name (`spo2`), `timestamp`,
    `patient`, `sequence`, `revised` or `fields`.
    """

    code: str
    element: str
    text: str
    severity: Severity = "error"
