"""A reading to its Observations.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

from mappers.mapped import Mapped, MappingContext, MappingResult, Rejected, Resource
from mappers.message import message_issues
from mappers.occasion import Occasion, occasion_of
from mappers.panel import Group, Panel
from mappers.plausibility import cross_issues
from mappers.reading import MappingIssue, Reading
from mappers.report import diagnostic_report
from mappers.rule import FieldRule
from mappers.summary import summary
from mappers.value import Value, value, value_element

Found: TypeAlias = dict[str, tuple[FieldRule, str, Value]]
"""What was measured, by the slot of the rule: the rule, the name the device used, the value in the metric's unit."""


def map_reading(reading: Reading, context: MappingContext) -> MappingResult:
    """The Observations of `reading` and, where its device type declares one, their DiagnosticReport, as one group.

    Rejected as `map_measurements` does. Sums over many measurements are no report.
    """
    mapped = map_measurements(reading, context)
    reported = context.profile.reported
    if not reported or isinstance(mapped, Rejected) or reading.statistic is not None:
        return mapped
    if not any(sent is not None and name in reported for name, sent in reading.fields.items()):
        return mapped
    report = diagnostic_report(reading, None, context, mapped.resources)
    return Mapped((*mapped.resources, report), mapped.warnings, mapped.corrects)


def map_measurements(reading: Reading, context: MappingContext) -> MappingResult:
    """The Observations of `reading` as one group, with warnings; Rejected with every error found if there is any.

    An unknown field rejects the whole reading: half a reading stored in silence is worse than one in the dead letters.
    A field that is None counts as not sent. Equal readings give equal resources but for `issued`.
    """
    issues = message_issues(reading, context)
    found = _measurements(reading, context, issues)
    _complete(reading, context, found, issues)
    if issues and any(issue.severity == "error" for issue in issues):
        return Rejected(tuple(issues))
    return Mapped(_observations(reading, context, found), tuple(issues), reading.corrects)


def _measurements(reading: Reading, context: MappingContext, issues: list[MappingIssue]) -> Found:
    found: Found = {}
    fields, units = context.profile.fields, reading.units
    for name, sent in reading.fields.items():
        rule = fields.get(name)
        if rule is None:
            issues.append(_unknown_field(name, context))
        elif sent is not None:
            unit = units.get(name) if units else None
            rule = rule.sent_in(unit)
            read = value(rule, name, sent, unit)
            if isinstance(read, MappingIssue):
                issues.append(read)
            elif rule.slot in found:
                issues.append(_sent_twice(name, found[rule.slot][1]))
            else:
                found[rule.slot] = (rule, name, read)
    return found


def _complete(reading: Reading, context: MappingContext, found: Found, issues: list[MappingIssue]) -> None:
    _require(context.profile.required, found, issues)
    if panels := context.profile.panels:
        for rule, _, _ in found.values():
            if rule.key in panels:
                _require(panels[rule.key].required, found, issues)
    if not found and not any(issue.severity == "error" for issue in issues):
        issues.append(
            MappingIssue("required", "fields", "The reading measures nothing. Send at least one value.")
        )
    if reading.units:
        issues.extend(_unit_alone(name) for name in reading.units.keys() - reading.fields.keys())
    if context.profile.checks and found:
        # a statistic is checked where there is no value of now beside it
        checked = [each for each in found.values() if each[0].summary is None or each[0].key not in found]
        values = {rule.key: number for rule, _, number in checked if isinstance(number, int | Decimal)}
        names = {rule.key: name for rule, name, _ in checked}
        issues.extend(cross_issues(context.profile.checks, values, names))


def _require(rules: tuple[FieldRule, ...], found: Found, issues: list[MappingIssue]) -> None:
    for rule in rules:
        slots = {rule.slot, *(other.slot for other in rule.by_unit.values())}
        if slots.isdisjoint(found) and not any(issue.element in rule.names for issue in issues):
            issues.append(MappingIssue("required", rule.name, f"{rule.name} is missing. Send it."))


def _observations(reading: Reading, context: MappingContext, found: Found) -> tuple[Resource, ...]:
    occasion = occasion_of(reading, context)
    panels = context.profile.panels
    if (statistic := reading.statistic) is not None:
        return tuple(
            summary(occasion, rule, _part_of(panels, rule), read, statistic)
            for rule, _, read in found.values()
        )
    made: dict[str, Resource] = {}
    for slot, (rule, _, read) in found.items():
        panel = panels.get(rule.key) if panels else None
        if rule.summary is not None:
            part_of = _part_of(panels, rule)
            resource = made[slot] = summary(occasion, rule, part_of, read, rule.summary)
            if rule.modality != "sensed":
                resource["performer"] = [occasion.subject]
        elif panel is None:
            resource = made[slot] = occasion.fill(rule.template.head, slot)
            resource["device"] = occasion.measured_by(rule)
            element, content = value_element(rule, read)
            resource[element] = content
            if rule.modality != "sensed":
                resource["performer"] = [occasion.subject]
        elif panel.template.metric_key not in made:
            resource = made[panel.template.metric_key] = occasion.fill(
                panel.template.head, panel.template.metric_key
            )
            resource["device"] = occasion.device
            resource |= _content(panel, found)
            if panel.self_reported:
                resource["performer"] = [occasion.subject]
    if context.profile.group is None:
        return tuple(made.values())
    return (*made.values(), *_grouped(context.profile.group, occasion, made))


def _part_of(panels: Mapping[str, Panel], rule: FieldRule) -> Panel | None:
    """The panel that the rule's metric is a part of; None for the value of a panel itself."""
    panel = panels.get(rule.key)
    return None if panel is None or panel.template.metric_key == rule.key else panel


def _content(panel: Panel, found: Found) -> Resource:
    """The panel's own value, where it has one, and its components."""
    content: Resource = {}
    if panel.value is not None and panel.value.slot in found:
        content |= [value_element(panel.value, found[panel.value.slot][2])]
    components = [
        {"code": rule.template.code} | dict([value_element(rule, found[rule.slot][2])])
        for rule in panel.components
        if rule.slot in found
    ]
    return content | {"component": components} if components else content


def _grouped(group: Group, occasion: Occasion, made: Mapping[str, Resource]) -> list[Resource]:
    """The panel of those that are its members; none where fewer than two are."""
    members = [resource for key, resource in made.items() if key in group.members]
    if len(members) < 2:
        return []
    panel = occasion.fill(group.template.head, group.template.metric_key)
    panel["device"] = occasion.device
    panel["hasMember"] = [{"reference": f"Observation/{each['id']}"} for each in members]
    return [panel]


def _unknown_field(name: str, context: MappingContext) -> MappingIssue:
    known = ", ".join(rule.name for rule in context.profile.rules)
    text = f"{name[:60]!r} is not a field of a {context.profile.key}. Send {known}, or register another device type."
    return MappingIssue("structure", name[:60], text)


def _unit_alone(name: str) -> MappingIssue:
    return MappingIssue("structure", name, f"{name} has a unit and no value. Send both or neither.")


def _sent_twice(name: str, other: str) -> MappingIssue:
    return MappingIssue("structure", name, f"{name} and {other} are the same measurement. Send one of them.")
