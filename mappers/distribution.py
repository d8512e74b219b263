"""How often a signal had each value in a recording, as an Observation of its median and its ends.

https://hl7.org/fhir/R4/codesystem-observation-statistics.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mappers.mapped import Resource
from mappers.occasion import Occasion
from mappers.profile import DeviceProfile
from mappers.quantity import Number
from mappers.reading import Absent, MappingIssue, SummaryStatistic
from mappers.rule import FieldRule
from mappers.summary import statistic_component
from mappers.value import value, value_element

STATISTICS: Final[tuple[SummaryStatistic, ...]] = ("median", "minimum", "maximum")


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many samples of a signal had each value, and how many had none.

    `field` is the device's name for what was measured, `unit` the one of the values, as the device writes it.
    """

    field: str
    unit: str | None
    counts: Mapping[Decimal, int]
    absent: int = 0


def distribution_observation(
    found: Distribution, profile: DeviceProfile, occasion: Occasion
) -> Resource | MappingIssue:
    """The Observation of `found`; an issue where the device's type has no such field, or not in that unit.

    A sample that no measurement can be (breathing 0, in the seconds before the device has found the first breath) is left
    out, and a note says how many were. Where none is left, the Observation has no value and says so.
    """
    rule = profile.fields.get(found.field)
    if rule is None:
        text = f"a {profile.key} has no {found.field}. Register the device as what it is."
        return MappingIssue("structure", found.field, text)
    if found.unit is not None and rule.unit_names.get(found.unit, found.unit) not in rule.conversions:
        return MappingIssue(
            "code-invalid", found.field, f"{found.field} is in {found.unit!r}, which is not taken."
        )
    counts = _plausible(found, rule)
    head = {key: content for key, content in rule.template.head.items() if key != "meta"}
    resource = occasion.fill(head, f"{rule.key}.recording")
    resource["device"] = occasion.device
    if counts:
        reads = zip(STATISTICS, (_median(counts), min(counts), max(counts)), strict=True)
        resource["component"] = [statistic_component(rule, statistic, read) for statistic, read in reads]
    else:
        element, content = value_element(rule, Absent("unknown"))
        resource[element] = content
    left_out = sum(found.counts.values()) - sum(counts.values())
    if left_out or (found.absent and counts):
        resource["note"] = [*_notes(resource), {"text": _left_out(left_out, found, rule)}]
    return resource


def _plausible(found: Distribution, rule: FieldRule) -> dict[Number, int]:
    """The counts in the metric's own unit, of what can be."""
    counts: dict[Number, int] = {}
    for sample, times in found.counts.items():
        read = value(rule, found.field, sample, found.unit)
        if isinstance(read, int | Decimal):
            counts[read] = counts.get(read, 0) + times
    return counts


def _median(counts: Mapping[Number, int]) -> Number:
    total, passed = sum(counts.values()), 0
    lower: Number | None = None
    for sample in sorted(counts):
        passed += counts[sample]
        if lower is not None:
            return _middle(lower, sample)
        if passed * 2 > total:
            return sample
        if passed * 2 == total:
            lower = sample
    assert lower is not None, "there is at least one sample"
    return lower


def _middle(low: Number, high: Number) -> Decimal:
    return (Decimal(low) + Decimal(high)) / 2


def _notes(resource: Resource) -> list[object]:
    notes = resource.get("note")
    return list(notes) if isinstance(notes, list) else []


def _left_out(left_out: int, found: Distribution, rule: FieldRule) -> str:
    total = sum(found.counts.values()) + found.absent
    assert rule.scale is not None, "what has statistics is a number"
    parts = []
    if found.absent:
        parts.append(f"{found.absent} without a value")
    if left_out:
        parts.append(f"{left_out} outside {rule.scale.low} to {rule.scale.high} {rule.scale.unit}")
    return f"Of {total} samples not counted: {', '.join(parts)}."
