"""A long recording to Observations: what its signals were like, what happened in it, and a strip of its waveform.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mappers.beats import Beats, beat_observations
from mappers.distribution import Distribution, distribution_observation
from mappers.event import Event, event_observations
from mappers.mapped import Mapped, MappingContext, MappingResult, Rejected, Resource
from mappers.message import message_issues
from mappers.occasion import occasion_of
from mappers.reading import MappingIssue, Reading
from mappers.report import diagnostic_report
from mappers.waveform import Waveform, waveform_observations


@dataclass(frozen=True, slots=True)
class Recording:
    """What a recording holds; the reading that it is mapped with says when it began and how long it lasted.

    The `waveform` begins with the recording, and is what of it becomes Observations.
    """

    distributions: tuple[Distribution, ...] = ()
    events: tuple[Event, ...] = ()
    beats: Beats | None = None
    waveform: Waveform | None = None


def map_recording(recording: Recording, reading: Reading, context: MappingContext) -> MappingResult:
    """The Observations of `recording` as one group, last the DiagnosticReport if it is an ECG; Rejected with every error.

    A recording may be of any length and hold nothing that becomes an Observation.
    """
    issues = message_issues(reading, context)
    made: list[Resource] = []
    for each in _measured(recording, reading, context):
        if isinstance(each, MappingIssue):
            issues.append(each)
        else:
            made.append(each)
    if any(issue.severity == "error" for issue in issues):
        return Rejected(tuple(issues))
    if recording.waveform is not None:
        made += waveform_observations(recording.waveform, reading, context)
    made += event_observations(recording.events, reading, context)
    if recording.waveform is not None or recording.beats is not None:
        made.append(diagnostic_report(reading, None, context, tuple(made)))
    return Mapped(tuple(made), tuple(issues), reading.corrects)


def _measured(
    recording: Recording, reading: Reading, context: MappingContext
) -> Iterator[Resource | MappingIssue]:
    occasion = occasion_of(reading, context)
    for each in recording.distributions:
        yield distribution_observation(each, context.profile, occasion)
    if recording.beats is not None:
        yield from beat_observations(recording.beats, context.profile, occasion)
