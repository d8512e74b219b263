"""What every resource of one reading shares: whom, by what, when and under which identity.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.effective_x_
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mappers.circumstances import elements
from mappers.correction import PRELIMINARY
from mappers.identity import (
    device_metric_id,
    identifier_value,
    record_part,
    resource_id,
    sequence_text,
    time_part,
)
from mappers.mapped import MappingContext, Resource
from mappers.reading import Reading
from mappers.rule import FieldRule
from mappers.signal_quality import with_quality
from mappers.times import DeviceTime, from_datetime
from terminology.systems import PAP_NIGHT, READING_IDENTITY


@dataclass(frozen=True, slots=True)
class Occasion:
    """One measurement on one patient by one device; `fill` completes a resource of it."""

    context: MappingContext
    milliseconds: int | None
    time_part: str
    effective: tuple[str, object]
    issued: str
    subject: dict[str, object]
    device: dict[str, object]
    circumstances: dict[str, object] | None
    night: tuple[dict[str, object], ...] = ()
    preliminary: bool = False

    def fill(self, head: Resource, metric_key: str) -> Resource:
        """A copy of `head` with its identity, subject and times; `preliminary` while what it tells of is not over.

        What took a while claims no profile: vs-1 of R4's vital signs means dateTimes alone and fails for every Period.
        """
        identifier = identifier_value(
            self.context.device_id, self.context.patient_id, metric_key, self.time_part
        )
        resource = head.copy()
        resource["id"] = resource_id(self.context.identity_key, self.milliseconds, identifier)
        resource["identifier"] = [{"system": READING_IDENTITY, "value": identifier}, *self.night]
        resource["subject"] = self.subject
        element, value = self.effective
        resource[element] = value
        if element == "effectivePeriod" and "meta" in resource:
            del resource["meta"]
        resource["issued"] = self.issued
        if self.preliminary:
            resource["status"] = PRELIMINARY
        if self.circumstances is not None:
            resource.update(self.circumstances)
        return resource

    def measured_by(self, rule: FieldRule) -> dict[str, object]:
        """The Device; for what was set on it, the DeviceMetric of that setting."""
        if rule.kind != "setting":
            return self.device
        return {"reference": f"DeviceMetric/{device_metric_id(self.context.device_id, rule.key)}"}


def occasion_of(reading: Reading, context: MappingContext) -> Occasion:
    """The occasion on which `reading` was measured."""
    counts = reading.of_record or context.profile.sequence != "none"
    sequence = (sequence_text(reading.sequence) if counts else None) or ""
    subject: dict[str, object] = {"reference": f"Patient/{context.patient_id}"}
    said = reading.circumstances
    return Occasion(
        context=context,
        milliseconds=None if reading.of_record else reading.time.nanoseconds // 1_000_000,
        time_part=record_part(sequence)
        if reading.of_record
        else time_part(reading.time, reading.duration, sequence),
        effective=_effective(reading),
        issued=instant(reading.revised or reading.received),
        subject=subject,
        device={"reference": f"Device/{context.device_id}"},
        circumstances=with_quality(None if said is None else elements(said, subject), reading),
        night=() if reading.night is None else (_night(reading.night, context),),
        preliminary=reading.is_going_on,
    )


def _night(night: date, context: MappingContext) -> dict[str, object]:
    """What the summary of a night and its recordings have in common, and can be found by."""
    return {"system": PAP_NIGHT, "value": f"{context.device_id}/{night.isoformat()}"}


def end_of(reading: Reading) -> DeviceTime:
    """When the device had measured: its time, and the duration after it where it measured for a while."""
    time, duration = reading.time, reading.duration
    if duration is None:
        return time
    digits = max(time.digits, 3 if duration % timedelta(seconds=1) else 0)
    return from_datetime(time.moment + duration, digits=min(digits, 6))


def instant(moment: datetime) -> str:
    """`moment` as a FHIR instant in UTC, cut to milliseconds."""
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"


def _effective(reading: Reading) -> tuple[str, object]:
    if reading.duration is None:
        return "effectiveDateTime", reading.time.text
    return "effectivePeriod", {"start": reading.time.text, "end": end_of(reading).text}
