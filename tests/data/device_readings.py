"""A plausible reading of every field of every device type, and what is made of them.

docs/devices.md
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mappers.circumstances import Circumstances
from mappers.declaration import parse
from mappers.mapped import Mapped, MappingContext, Resource
from mappers.metric import Metric
from mappers.metrics import metrics
from mappers.observation import map_reading
from mappers.profile import PROFILES, DeviceProfile, device_profile, read_profile
from mappers.reading import Absent, FieldValue, Reading
from mappers.rule import FieldRule
from mappers.times import device_time

RECEIVED = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
MEASURED = "2026-03-01T11:59:58.500+01:00"
KEY = b"k" * 32

_OF_ONE_PERSON = {
    "systolic-pressure": 121,
    "diastolic-pressure": 79,
    "mean-pressure": 93,
    "ipap-set": 14,
    "epap-set": 6,
    "rr-interval": 833,
    "qt-interval": 380,
}
"""Values that must lie to each other as those of one person do."""


_SAID = Circumstances(
    "left arm", "sitting", "interstitial fluid", self_reported=True, notes=("before dinner", "after a walk")
)


def profiles() -> list[DeviceProfile]:
    """Every device type, and last one that has a field for each metric that no other measures."""
    shipped = [device_profile(key) for key in PROFILES]
    measured = {
        each.key for profile in shipped for rule in profile.rules for each in (rule, *rule.by_unit.values())
    }
    others = [row for row in metrics().values() if row.key not in measured and (row.scale or row.answers)]
    fields = "".join(f"  {row.key}: {{metric: {row.key}{_unit(row)}}}\n" for row in others)
    return [*shipped, read_profile("rest", parse(f'text: Rest\nversion: "1"\nfields:\n{fields}', "rest"))]


def plausible(metric: Metric) -> FieldValue:
    """A value of `metric`, in its own unit where it has one."""
    if metric.answers:
        return next(iter(metric.answers))
    assert metric.scale is not None
    middle = (metric.scale.low + 2 * metric.scale.high) / 3
    return _OF_ONE_PERSON.get(metric.key, round(middle, 0 if metric.scale.whole else 2))


def context_of(profile: DeviceProfile) -> MappingContext:
    """Whom and by what: patient `p1`, device `d1`."""
    return MappingContext("p1", "d1", profile, KEY)


def readings(profile: DeviceProfile) -> Iterator[tuple[str, Reading]]:
    """Readings that between them hold all that a device of `profile` may send, each with a name."""
    whole = Reading(
        "dev-1",
        profile.key,
        device_time(MEASURED),
        RECEIVED,
        {rule.name: plausible(rule.metric) for rule in profile.rules},
        sequence="17" if profile.sequence != "none" else None,
    )
    yield "everything", whole
    yield "with all that a source may say", replace(whole, circumstances=_SAID)
    night = timedelta(hours=7, minutes=31, seconds=12)
    yield "for a while", replace(whole, received=RECEIVED + night, duration=night)
    for rule in profile.rules:
        yield from _of_field(rule, whole)
    if not profile.required:
        yield "nothing known", replace(whole, fields={rule.name: Absent("unknown") for rule in profile.rules})


def resources(profile: DeviceProfile) -> Iterator[tuple[str, Resource]]:
    """What is made of all of `readings`, each with where it comes from; AssertionError where one is rejected."""
    for name, reading in readings(profile):
        mapped = map_reading(reading, context_of(profile))
        assert isinstance(mapped, Mapped), (profile.key, name, mapped)
        for resource in mapped.resources:
            yield f"{profile.key}, {name}", resource


def _of_field(rule: FieldRule, whole: Reading) -> Iterator[tuple[str, Reading]]:
    for answer in rule.metric.answers:
        yield f"{rule.name} {answer}", replace(whole, fields={**whole.fields, rule.name: answer})
    for unit, other in rule.by_unit.items():
        fields = {**whole.fields, rule.name: plausible(other.metric)}
        yield f"{rule.name} in {unit}", replace(whole, fields=fields, units={rule.name: unit})
    if rule.bounded and rule.scale is not None:
        fields = {**whole.fields, rule.name: f">{rule.scale.high}"}
        yield f"{rule.name} off the scale", replace(whole, fields=fields)
    if rule.scale is not None and rule.metric.statistic == "unspecified":
        day = timedelta(days=1)
        alone = replace(whole, received=RECEIVED + day, statistic="average", duration=day)
        yield f"the mean of {rule.name}", alone


def _unit(metric: Metric) -> str:
    return f', unit: "{metric.scale.unit}"' if metric.scale else ""
