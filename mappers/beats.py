"""The beats that somebody found in an ECG: how many of each kind, and the mean heart rate that follows from them.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from mappers.mapped import Resource
from mappers.metrics import metric
from mappers.occasion import Occasion
from mappers.profile import DeviceProfile
from mappers.reading import MappingIssue
from mappers.summary import statistic_component
from mappers.template import coding, template
from mappers.value import value
from terminology.service import Coding

BEATS: Final = "ecg-beats"
HEART_RATE: Final = "heartRate"
RATE_METHOD: Final = "60 x (beats - 1) / seconds from the first beat to the last"


@dataclass(frozen=True, slots=True)
class Beats:
    """How many beats of each kind there are, and the seconds from the first of all to the last."""

    counts: Mapping[Coding, int]
    span: Fraction


def beat_observations(
    beats: Beats, profile: DeviceProfile, occasion: Occasion
) -> list[Resource | MappingIssue]:
    """The Observation of the counts and, of two beats or more, that of the mean rate; an issue for a rate that cannot be."""
    if not beats.counts:
        return []
    counts = occasion.fill(template(metric(BEATS)).head, BEATS)
    counts["device"] = occasion.device
    counts["component"] = [
        {"code": {"coding": [coding(kind)]}, "valueInteger": number} for kind, number in beats.counts.items()
    ]
    if sum(beats.counts.values()) < 2 or not beats.span:
        return [counts]
    return [counts, _rate(beats, counts, profile, occasion)]


def _rate(
    beats: Beats, counts: Resource, profile: DeviceProfile, occasion: Occasion
) -> Resource | MappingIssue:
    rule = profile.fields.get(HEART_RATE)
    if rule is None:
        text = f"a {profile.key} has no {HEART_RATE}. Register the device as what it is."
        return MappingIssue("structure", HEART_RATE, text)
    per_minute = Decimal(round(600 * (sum(beats.counts.values()) - 1) / beats.span)).scaleb(-1)
    read = value(rule, HEART_RATE, per_minute, "/min")
    if isinstance(read, MappingIssue):
        return MappingIssue(read.code, read.element, read.text, "warning")
    head = {key: content for key, content in rule.template.head.items() if key != "meta"}
    resource = occasion.fill(head, f"{rule.key}.average")
    resource["device"] = occasion.device
    resource["method"] = {"text": RATE_METHOD}
    resource["derivedFrom"] = [{"reference": f"Observation/{counts['id']}"}]
    resource["component"] = [statistic_component(rule, "average", read)]
    return resource
