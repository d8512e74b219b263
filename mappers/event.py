"""What a recording says happened at a time, in its own codes and words.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.value_x_
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

from mappers.mapped import MappingContext, Resource
from mappers.metrics import metric
from mappers.occasion import occasion_of
from mappers.reading import Reading
from mappers.template import coding, template
from mappers.waveform import later
from terminology.service import Coding


@dataclass(frozen=True, slots=True)
class Event:
    """What happened `after` the start of a recording, for a `duration` where it says so.

    `metric` is the row of the registry that says what kind of event it is, `text` are the recording's own words, `code` is
    its own code where it has one.
    """

    metric: str
    after: timedelta
    text: str
    duration: timedelta | None = None
    code: Coding | None = None


def event_observations(events: Sequence[Event], reading: Reading, context: MappingContext) -> list[Resource]:
    """An Observation for each of `events` in the recording that began at the time of `reading`.

    What is said twice of one time is one Observation.
    """
    made = (_observation(event, reading, context) for event in events)
    return list({each["id"]: each for each in made}.values())


def _observation(event: Event, reading: Reading, context: MappingContext) -> Resource:
    part = replace(
        reading, time=later(reading.time, event.after), duration=event.duration or None, circumstances=None
    )
    occasion = occasion_of(part, context)
    said = event.text if event.code is None else event.code.code
    resource = occasion.fill(
        template(metric(event.metric)).head, f"{event.metric}.{quote(said, safe='')[:64]}"
    )
    resource["device"] = occasion.device
    codes: Resource = {} if event.code is None else {"coding": [coding(event.code)]}
    resource["valueCodeableConcept"] = {**codes, "text": event.text}
    return resource
