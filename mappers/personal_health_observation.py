"""A reading that came as an Observation of the Personal Health Device guide, to Observations of this server.

https://build.fhir.org/ig/HL7/phd/; https://hl7.org/fhir/R4/extension-observation-gatewaydevice.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mappers.mapped import Mapped, MappingContext, MappingResult, Rejected, Resource
from mappers.mdc import contradiction, row_of, rule_of
from mappers.message import message_issues
from mappers.metric import CATEGORIES, Metric
from mappers.metrics import metric, panel_of
from mappers.observation import map_reading
from mappers.occasion import occasion_of
from mappers.personal_health import PersonalHealth, Sampled, SourceCoded
from mappers.reading import MappingIssue, Reading
from mappers.rule import FieldRule
from mappers.template import codeable_concept, coding, template

GATEWAY: Final = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"


def map_personal_health(reading: Reading, context: MappingContext) -> MappingResult:
    """As `map_reading`, with what the Observation said beside its values; Rejected as that does.

    One Observation is one measurement, so that what a device must send together it may send apart here; what makes a
    panel is still required.
    """
    said = reading.personal_health or PersonalHealth()
    mapped = _waveform_or_state(reading, said, context) or _measured(reading, said, context)
    if isinstance(mapped, Rejected):
        return mapped
    return replace(mapped, resources=tuple(_complete(each, said) for each in mapped.resources))


def _measured(reading: Reading, said: PersonalHealth, context: MappingContext) -> MappingResult:
    """What was measured, by the fields of the device's type; what is wrong names the MDC numbers that were sent."""
    rules: dict[str, FieldRule] = {}
    issues: list[MappingIssue] = []
    for number in reading.fields:
        rule = rule_of(context.profile, number)
        if rule is None:
            issues.append(_unknown(number, context))
        elif (why := contradiction(_row(rule, reading, number), said.codings.get(number, ()))) is not None:
            issues.append(MappingIssue("code-invalid", number, f"{number}: {why}. It was not stored."))
        else:
            rules[number] = rule
    if issues:
        return Rejected(tuple(issues))
    renamed = replace(
        reading,
        fields={rules[number].name: value for number, value in reading.fields.items()},
        units={rules[number].name: unit for number, unit in reading.units.items()},
    )
    mapped = map_reading(renamed, replace(context, profile=replace(context.profile, required=())))
    numbers = {rule.name: number for number, rule in rules.items()}
    if isinstance(mapped, Rejected):
        return Rejected(tuple(_about(issue, numbers) for issue in mapped.issues))
    return replace(mapped, warnings=tuple(_about(issue, numbers) for issue in mapped.warnings))


def _row(rule: FieldRule, reading: Reading, number: str) -> Metric:
    return rule.sent_in(reading.units.get(number)).metric


def _about(issue: MappingIssue, numbers: Mapping[str, str]) -> MappingIssue:
    return replace(issue, element=numbers.get(issue.element, issue.element))


def _unknown(number: str, context: MappingContext) -> MappingIssue:
    row = row_of(number)
    assert row is not None, "the decoder takes only what the registry has"
    text = f"MDC {number} ({row.text}) is nothing that a {context.profile.key} measures. Register it as what it is."
    return MappingIssue("not-supported", number, text)


def _waveform_or_state(
    reading: Reading, said: PersonalHealth, context: MappingContext
) -> MappingResult | None:
    """What has no field of the device type: a strip of a signal or a technical state; None for any other reading."""
    if said.sampled is None and said.source_coded is None:
        return None
    issues = tuple(message_issues(reading, context))
    if any(issue.severity == "error" for issue in issues):
        return Rejected(issues)
    if said.sampled is not None:
        return Mapped((_sampled(reading, said.sampled, context),), issues, reading.corrects)
    assert said.source_coded is not None, "one of the two is there"
    return Mapped((_source_coded(reading, said.source_coded, context),), issues, reading.corrects)


def _sampled(reading: Reading, sampled: Sampled, context: MappingContext) -> Resource:
    """A signal that stands alone is the value; one that is part of a waveform is its component."""
    row, panel = metric(sampled.metric), panel_of(sampled.metric)
    occasion = occasion_of(reading, context)
    resource = occasion.fill(template(panel or row).head, row.key)
    resource["device"] = occasion.device
    if panel is None:
        return resource | {"valueSampledData": sampled.samples}
    return resource | {"component": [{"code": codeable_concept(row), "valueSampledData": sampled.samples}]}


def _source_coded(reading: Reading, state: SourceCoded, context: MappingContext) -> Resource:
    head: Resource = {
        "resourceType": "Observation",
        "id": None,
        "identifier": None,
        "status": "final",
        "category": [{"coding": [coding(CATEGORIES["technical"])]}],
        "code": state.code,
    }
    occasion = occasion_of(reading, context)
    return occasion.fill(head, f"mdc-{state.number}") | {"device": occasion.device} | state.content


def _complete(resource: Resource, said: PersonalHealth) -> Resource:
    """The resource with what the Observation said beside its value; those that were built are never changed in place."""
    more: Resource = {}
    if said.identifiers:
        own = resource["identifier"]
        assert isinstance(own, list), "every resource of a reading has its identifier"
        more["identifier"] = [*own, *(_identifier(system, value) for system, value in said.identifiers)]
    if said.gateway is not None:
        extension = resource.get("extension", [])
        assert isinstance(extension, list), "extensions are a list"
        gateway = {"type": "Device", "identifier": {"value": said.gateway}}
        more["extension"] = [*extension, {"url": GATEWAY, "valueReference": gateway}]
    if said.interpretation:
        more["interpretation"] = [{"coding": [coding(each)]} for each in said.interpretation]
    return resource | more


def _identifier(system: str | None, value: str) -> dict[str, object]:
    return {"value": value} if system is None else {"system": system, "value": value}
