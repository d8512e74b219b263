"""Device profiles: which field of which device is which metric, read once from `maps/*.yaml`.

https://hl7.org/fhir/R4/devicemetric.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, cast

from mappers.declaration import Declaration, declaration
from mappers.errors import UnknownProfile
from mappers.metric import Kind, Metric, Scale
from mappers.metrics import metrics, panel_of
from mappers.plausibility import Check, checks_for
from mappers.template import Template, template
from terminology.errors import TerminologyError
from terminology.ucum import Conversion, conversion

Modality = Literal["sensed", "self-reported"]
Statistic = Literal["unspecified", "mean", "median", "minimum", "maximum"]
Source = Literal["live", "recording"]
Sequence = Literal["none", "optional", "required"]
Resolution = Literal["any", "subsecond"]

PROFILES: Final = (
    "activity-tracker",
    "apap",
    "bedside-monitor",
    "bipap",
    "blood-pressure",
    "continuous-glucose-monitor",
    "cpap",
    "ecg-monitor",
    "edge-monitor",
    "edge-monitor-body-probe",
    "glucose-meter",
    "oxygen-concentrator",
    "phone",
    "pulse-oximeter",
    "respiration-monitor",
    "scale",
    "thermometer",
)
"""Every device profile; each is a file of `maps/`."""

_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What one field of a device means: `key` is its metric's, `names` what it goes by, `name` first.

    `scale` is None where the value is one of the metric's answers, `unit` where the device must send it. Sent in a unit
    of `by_unit` it is another metric: mass and amount of substance have codes of their own. `bounded` values may be
    sent as `<20` or `>600`.
    """

    name: str
    names: tuple[str, ...]
    key: str
    metric: Metric
    scale: Scale | None
    unit: str | None
    unit_names: Mapping[str, str]
    conversions: Mapping[str, Conversion]
    by_unit: "Mapping[str, FieldRule]"
    template: Template
    required: bool
    bounded: bool
    kind: Kind
    modality: Modality
    statistic: Statistic

    def sent_in(self, unit: str | None) -> "FieldRule":
        """The rule for a value that was sent in `unit`, as the device writes it; None where it relies on its profile."""
        if unit is None or not self.by_unit:
            return self
        return self.by_unit.get(self.unit_names.get(unit, unit), self)


@dataclass(frozen=True, slots=True)
class Panel:
    """Several fields that make one Observation; `components` in the order of the registry.

    Where one is sent, those in `required` must be.
    """

    template: Template
    components: tuple[FieldRule, ...]
    required: tuple[FieldRule, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A panel of Observations that each stand alone: those of the metrics, or panels, in `members`."""

    template: Template
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """How one kind of device speaks; `version` is the declaration's own, which Provenance names.

    `fields` has every name a field goes by, `required` the metrics without which a reading is refused, `panels` the
    panel of each component metric, `group` the panel whose members are Observations of their own. A `recording` may be of any age. `sequence` says whether the device's message
    sequence is part of a reading's identity, `resolution` whether its times must have fractions of a second.
    """

    key: str
    version: str
    text: str
    mdc_device_type: str | None
    source: Source
    sequence: Sequence
    resolution: Resolution
    fields: Mapping[str, FieldRule]
    rules: tuple[FieldRule, ...]
    required: tuple[FieldRule, ...]
    panels: Mapping[str, Panel]
    group: Group | None
    checks: tuple[Check, ...]


@cache
def device_profile(key: str) -> DeviceProfile:
    """The device profile called `key`. Raises UnknownProfile, or InvalidDeclaration if its file is wrong."""
    if key not in PROFILES:
        raise UnknownProfile(f"There is no device type {key!r}. Choose one of {', '.join(PROFILES)}.")
    return read_profile(key, declaration(files(__package__) / "maps" / f"{key}.yaml"))


def check_profiles() -> None:
    """Nothing, if every profile is sound; called when a server starts. Raises InvalidDeclaration otherwise."""
    for key in PROFILES:
        device_profile(key)


def read_profile(key: str, source: Declaration) -> DeviceProfile:
    """The profile that `source` declares. Raises InvalidDeclaration with file and line for the first mistake."""
    names = _unit_names(source)
    declared = source.child("fields")
    if declared is None:
        raise source.error("`fields` is missing. Name at least one field.")
    fields: dict[str, FieldRule] = {}
    for name, entry in declared.entries():
        rule = _field(name, entry, names)
        for alias in rule.names:
            if alias in fields:
                raise entry.error(f"two fields go by the name `{alias}`.")
            fields[alias] = rule
        entry.close()
    rules = tuple({id(rule): rule for rule in fields.values()}.values())
    _refuse_twice(rules, declared)
    profile = DeviceProfile(
        key=key,
        version=_version(source),
        text=source.text("text"),
        mdc_device_type=source.optional_text("mdc_device_type"),
        source=cast("Source", source.one_of("source", ("live", "recording"), "live")),
        sequence=cast("Sequence", source.one_of("sequence", ("none", "optional", "required"), "none")),
        resolution=cast("Resolution", source.one_of("resolution", ("any", "subsecond"), "any")),
        fields=MappingProxyType(fields),
        rules=rules,
        required=tuple(rule for rule in rules if rule.required),
        panels=MappingProxyType(_panels(rules, declared)),
        group=_group(source),
        checks=checks_for(frozenset(rule.key for rule in rules)),
    )
    source.close()
    return profile


def _version(source: Declaration) -> str:
    version = source.text("version")
    if not _VERSION.fullmatch(version):
        raise source.error(
            f"`version: {version}` is not a version. Write 1 to 32 letters, digits, `.`, `_` or `-`.",
            "version",
        )
    return version


def _unit_names(source: Declaration) -> Mapping[str, str]:
    entry = source.child("unit_names")
    return MappingProxyType({} if entry is None else dict(entry.text_entries()))


def _field(name: str, entry: Declaration, unit_names: Mapping[str, str]) -> FieldRule:
    key = entry.text("metric")
    metric = metrics().get(key)
    if metric is None:
        raise entry.error(f"`metric: {key}` is not in the registry.", "metric")
    if metric.scale is None and not metric.answers:
        raise entry.error(f"`metric: {key}` has no value of its own. Name one of its components.", "metric")
    unit, kind = entry.optional_text("unit"), _kind(metric, entry)
    rule = FieldRule(
        name=name,
        names=(name, *entry.texts("also")),
        key=key,
        metric=metric,
        scale=metric.scale,
        unit=unit,
        unit_names=unit_names,
        conversions=_conversions(unit, metric.scale, entry),
        by_unit=MappingProxyType({}),
        template=template(metric, kind),
        required=entry.flag("required", default=False),
        bounded=entry.flag("bounded", default=False),
        kind=kind,
        modality=cast("Modality", entry.one_of("modality", ("sensed", "self-reported"), "sensed")),
        statistic=cast(
            "Statistic",
            entry.one_of("statistic", ("unspecified", "mean", "median", "minimum", "maximum"), "unspecified"),
        ),
    )
    others = entry.child("by_unit")
    return rule if others is None else replace(rule, by_unit=_by_unit(rule, others))


def _kind(metric: Metric, entry: Declaration) -> Kind:
    kind = cast("Kind", entry.one_of("kind", ("measurement", "setting", "calculation"), metric.kind))
    if "setting" in {kind, metric.kind} and kind != metric.kind:
        raise entry.error(
            f"`kind: {kind}`: {metric.key} is a {metric.kind}, and what was set is not what was measured.",
            "kind",
        )
    return kind


def _by_unit(rule: FieldRule, declared: Declaration) -> Mapping[str, FieldRule]:
    others = {}
    for unit, key in declared.text_entries():
        metric = metrics().get(key)
        if metric is None or metric.scale is None:
            raise declared.error(f"`{unit}: {key}` is no metric with a value.", unit)
        others[unit] = replace(
            rule,
            key=key,
            metric=metric,
            scale=metric.scale,
            unit=unit,
            conversions=_conversions(unit, metric.scale, declared),
            template=template(metric, rule.kind),
        )
    return MappingProxyType(others)


def _group(source: Declaration) -> Group | None:
    key = source.optional_text("group")
    if key is None:
        return None
    metric = metrics().get(key)
    if metric is None or not metric.members:
        raise source.error(f"`group: {key}` is no panel with members.", "group")
    return Group(template(metric), frozenset(metric.members))


def _conversions(unit: str | None, scale: Scale | None, entry: Declaration) -> Mapping[str, Conversion]:
    if scale is None:
        if unit is not None:
            raise entry.error(f"`unit: {unit}`: a value chosen from a list has no unit.", "unit")
        return MappingProxyType({})
    units = dict.fromkeys(scale.accepts if unit is None else (unit, *scale.accepts))
    try:
        return MappingProxyType({each: conversion(each, scale.unit) for each in units})
    except TerminologyError as error:
        raise entry.error(f"`unit: {unit}`: {error}", "unit") from error


def _refuse_twice(rules: tuple[FieldRule, ...], declared: Declaration) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.key in seen:
            raise declared.error(f"two fields are the metric `{rule.key}`.")
        seen.add(rule.key)


def _panels(rules: tuple[FieldRule, ...], declared: Declaration) -> dict[str, Panel]:
    by_metric = {rule.key: rule for rule in rules}
    panels: dict[str, Panel] = {}
    for key in by_metric:
        metric = panel_of(key)
        if metric is not None and key not in panels:
            for each in metric.requires:
                if each not in by_metric:
                    raise declared.error(f"`{key}` is part of {metric.key}, which also needs `{each}`.")
            components = tuple(by_metric[each] for each in metric.components if each in by_metric)
            required = tuple(by_metric[each] for each in metric.requires)
            panels |= dict.fromkeys(
                (rule.key for rule in components), Panel(template(metric), components, required)
            )
    return panels
