"""What must hold of a reading as a whole: its time, its patient, its sequence, its quality.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.effective_x_
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from mappers.identity import SEQUENCE_LENGTH, sequence_text
from mappers.mapped import MappingContext
from mappers.profile import DeviceProfile
from mappers.reading import MappingIssue, Reading
from mappers.signal_quality import quality_issue

FUTURE: Final = timedelta(minutes=5)
STALE: Final = timedelta(days=7)
A_DAY: Final = timedelta(hours=25)
"""What may be sent before it is over: a day, that on which clocks are set back among them."""

CLOCK_NEVER_SET: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Devices count from 1970 or 1980 until someone sets their clock."""


def message_issues(reading: Reading, context: MappingContext) -> list[MappingIssue]:
    """What is wrong with `reading` before any of its fields is looked at; the age of a recording never is."""
    issues: list[MappingIssue] = []
    _check_time(reading, context, issues)
    if reading.patient is not None and reading.patient.removeprefix("Patient/") != context.patient_id:
        text = "The reading names another patient than the one this device is assigned to. Correct the assignment."
        issues.append(MappingIssue("business-rule", "patient", text))
    if reading.of_record or context.profile.sequence != "none":
        _check_sequence(reading, context, issues)
    if reading.revised is not None and reading.revised - reading.received > FUTURE:
        text = f"revised {reading.revised.isoformat()} is more than five minutes ahead of this server. Set the clock."
        issues.append(MappingIssue("business-rule", "revised", text))
    if reading.duration is not None:
        _check_duration(reading, reading.duration, issues)
    if (issue := quality_issue(reading.quality)) is not None:
        issues.append(issue)
    return issues


def clock_issue(reading: Reading, profile: DeviceProfile) -> MappingIssue | None:
    """That the clock of the device was never set; None for one that it is plausible for, and for recordings."""
    if profile.source != "live" or reading.time.moment >= CLOCK_NEVER_SET:
        return None
    note = f"timestamp {reading.time.text} is before 2000: the device's clock was never set, or its time is in another unit. Set it."
    return MappingIssue("business-rule", "timestamp", note)


def _check_time(reading: Reading, context: MappingContext, issues: list[MappingIssue]) -> None:
    age = reading.received - reading.time.moment
    text = reading.time.text
    if -age > FUTURE:
        note = f"timestamp {text} is more than five minutes ahead of this server. Set the device's clock."
        issues.append(MappingIssue("business-rule", "timestamp", note))
    elif age > STALE and context.profile.source == "live":
        note = f"timestamp {text} is older than seven days. Check that the device sends in time."
        stale = MappingIssue("business-rule", "timestamp", note, "warning")
        issues.append(clock_issue(reading, context.profile) or stale)
    if context.profile.resolution == "subsecond" and not reading.time.digits:
        note = f"timestamp {text} has whole seconds, too coarse for this device. Send fractions."
        issues.append(MappingIssue("required", "timestamp", note))


def _check_duration(reading: Reading, duration: timedelta, issues: list[MappingIssue]) -> None:
    if duration <= timedelta():
        text = f"duration {duration} is not positive. Send how long was measured."
        issues.append(MappingIssue("value", "duration", text))
    elif FUTURE >= reading.time.moment - reading.received > FUTURE - duration and duration > A_DAY:
        text = (
            f"duration {duration} is more than a day and ends more than five minutes ahead of this server. "
            "Send it when it is over."
        )
        issues.append(MappingIssue("business-rule", "duration", text))


def _check_sequence(reading: Reading, context: MappingContext, issues: list[MappingIssue]) -> None:
    if not reading.sequence:
        if reading.of_record or context.profile.sequence == "required":
            text = "sequence is missing, and this device's readings are told apart by it. Send it."
            issues.append(MappingIssue("required", "sequence", text))
    elif sequence_text(reading.sequence) is None:
        text = f"sequence {reading.sequence[:40]!r} is longer than {SEQUENCE_LENGTH} characters. Shorten it."
        issues.append(MappingIssue("too-long", "sequence", text))
