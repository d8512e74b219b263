"""The section `fields:` of a device type: which field is which metric.

https://hl7.org/fhir/R4/devicemetric.html
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, cast

from mappers.declaration import Declaration
from mappers.metric import Kind, Metric, Scale
from mappers.metrics import metrics, panel_of
from mappers.reading import SummaryStatistic
from mappers.rule import FieldRule, Modality
from mappers.selection import declared_selection
from mappers.template import template
from terminology.errors import TerminologyError
from terminology.ucum import Conversion, conversion

_SITE_LENGTH: Final = 100
_STATISTICS: Final[Mapping[str, SummaryStatistic]] = MappingProxyType(
    {"mean": "average", "median": "median", "minimum": "minimum", "maximum": "maximum"}
)


def fields(
    declared: Declaration, unit_names: Mapping[str, str]
) -> tuple[Mapping[str, FieldRule], frozenset[str]]:
    """Each sound rule under every name its field goes by, and the names of the others, whose mistakes are gathered."""
    found: dict[str, FieldRule] = {}
    slots: set[str] = set()
    unsound = set(declared.keys)
    for name, entry in declared.sound_entries():
        before = declared.mistakes
        rule = entry.gathered(None, _field, name, entry, unit_names)
        if rule is not None:
            entry.gathered(None, _check_alone, rule, entry, found, slots)
            entry.gathered(None, entry.close)
            slots.add(_place(rule))
            found |= dict.fromkeys(rule.names, rule)
            if declared.mistakes == before:
                unsound.discard(name)
            else:
                unsound |= set(rule.names)
    sound = {name: rule for name, rule in found.items() if name not in unsound}
    return MappingProxyType(sound), frozenset(unsound)


def _check_alone(
    rule: FieldRule, entry: Declaration, found: Mapping[str, FieldRule], slots: Collection[str]
) -> None:
    """Nothing. Raises InvalidDeclaration where an earlier field goes by the same name, or is the same metric."""
    names = (rule.name, *(each for each in rule.names if each != rule.name))
    for alias in names:
        if alias in found or rule.names.count(alias) > 1:
            raise entry.error(f"two fields go by the name `{alias}`.")
    if _place(rule) in slots:
        raise entry.error(f"two fields are the metric `{rule.key}`.", "metric")


def _place(rule: FieldRule) -> str:
    return rule.slot if panel_of(rule.key) is None else rule.key


def _field(name: str, entry: Declaration, unit_names: Mapping[str, str]) -> FieldRule:
    gathered = entry.gathered
    also = gathered((), entry.texts, "also")
    site, unit = gathered(None, _site, entry), gathered(None, entry.optional_text, "unit")
    path, unit_path = (gathered(None, declared_selection, entry, each) for each in ("path", "unit_path"))
    modality = gathered("sensed", entry.one_of, "modality", ("sensed", "self-reported"), "sensed")
    required, bounded = (gathered(False, entry.flag, each, default=False) for each in ("required", "bounded"))
    metric = _metric(entry)
    kind = gathered(metric.kind, _kind, metric, entry)
    conversions = gathered({}, _conversions, unit, metric.scale, entry)
    statistic = gathered(None, _summary, metric, kind, entry)
    rule = FieldRule(
        name=name,
        names=(name, *also),
        key=metric.key,
        slot=_slot(metric, statistic),
        metric=metric,
        scale=metric.scale,
        unit=unit,
        unit_names=unit_names,
        conversions=conversions,
        by_unit=MappingProxyType({}),
        template=template(metric, kind, site),
        required=required,
        bounded=bounded,
        kind=kind,
        modality=cast("Modality", modality),
        summary=statistic,
        site=site,
        path=path,
        unit_path=unit_path,
    )
    others = gathered(None, entry.child, "by_unit")
    return rule if others is None else replace(rule, by_unit=gathered({}, _by_unit, rule, others))


def _metric(entry: Declaration) -> Metric:
    key = entry.text("metric")
    metric = metrics().get(key)
    if metric is None:
        raise entry.error(f"`metric: {key}` is not in the registry.", "metric")
    if metric.scale is None and not metric.answers:
        raise entry.error(f"`metric: {key}` has no value of its own. Name one of its components.", "metric")
    return metric


def _kind(metric: Metric, entry: Declaration) -> Kind:
    kind = cast("Kind", entry.one_of("kind", ("measurement", "setting", "calculation"), metric.kind))
    if "setting" in {kind, metric.kind} and kind != metric.kind:
        raise entry.error(
            f"`kind: {kind}`: {metric.key} is a {metric.kind}, and what was set is not what was measured.",
            "kind",
        )
    return kind


def _site(entry: Declaration) -> str | None:
    site = entry.optional_text("site")
    if site is not None and not (site.isprintable() and len(site) <= _SITE_LENGTH):
        raise entry.error(f"`site` is not a text of at most {_SITE_LENGTH} printable characters.", "site")
    return site


def _summary(metric: Metric, kind: Kind, entry: Declaration) -> SummaryStatistic | None:
    """How the value sums up others; None where it does not, or where the metric's own code says so."""
    statistic = entry.one_of("statistic", ("unspecified", *_STATISTICS), metric.statistic)
    if statistic == metric.statistic:
        return None
    if metric.statistic != "unspecified":
        text = f"`statistic: {statistic}`: the code of {metric.key} says {metric.statistic}. Choose another metric."
        raise entry.error(text, "statistic")
    if kind == "setting" or metric.scale is None:
        raise entry.error(
            f"`statistic: {statistic}`: {metric.key} is no number that was measured.", "statistic"
        )
    return _STATISTICS[statistic]


def _slot(metric: Metric, statistic: SummaryStatistic | None) -> str:
    return metric.key if statistic is None else f"{metric.key}.{statistic}"


def _by_unit(rule: FieldRule, declared: Declaration) -> Mapping[str, FieldRule]:
    others = {}
    for unit, key in declared.text_entries():
        metric = metrics().get(key)
        if metric is None or metric.scale is None:
            raise declared.error(f"`{unit}: {key}` is no metric with a value.", unit)
        others[unit] = replace(
            rule,
            key=key,
            slot=_slot(metric, rule.summary),
            metric=metric,
            scale=metric.scale,
            unit=unit,
            conversions=_conversions(unit, metric.scale, declared, unit),
            template=template(metric, rule.kind, rule.site),
        )
    return MappingProxyType(others)


def _conversions(
    unit: str | None, scale: Scale | None, entry: Declaration, at: str = "unit"
) -> Mapping[str, Conversion]:
    if scale is None:
        if unit is not None:
            raise entry.error(f"`unit: {unit}`: a value chosen from a list has no unit.", at)
        return MappingProxyType({})
    units = dict.fromkeys(scale.accepts if unit is None else (unit, *scale.accepts))
    try:
        return MappingProxyType({each: conversion(each, scale.unit) for each in units})
    except TerminologyError as error:
        raise entry.error(f"`unit: {unit}`: {error}", at) from error
