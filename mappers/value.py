"""What a device sent for one field, as the value of an Observation.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.value_x_
"""

from typing import TypeAlias

from mappers.quantity import Bound, Number, measured, quantity
from mappers.reading import Absent, FieldValue, MappingIssue
from mappers.rule import FieldRule
from mappers.template import coding
from terminology import systems
from terminology.service import Coding

Value: TypeAlias = Number | Bound | Coding | Absent


def value(rule: FieldRule, name: str, sent: FieldValue, unit: str | None) -> Value | MappingIssue:
    """The number, the answer or the absence that `sent` is, or an issue that names the field and says what to send instead."""
    if isinstance(sent, Absent):
        return sent
    if rule.scale is not None:
        return measured(rule, rule.scale, name, sent, unit)
    if unit is not None:
        return MappingIssue("structure", name, f"{name} is chosen from a list and has no unit. Leave it out.")
    answers = rule.metric.answers
    found = (
        answers.get(str(sent).lower() if isinstance(sent, bool) else sent)
        if isinstance(sent, str | bool)
        else None
    )
    if found is None:
        text = f"{name} is {str(sent)[:40]!r}. Send one of {', '.join(answers)}."
        return MappingIssue("code-invalid", name, text)
    return found


def value_element(rule: FieldRule, found: Value) -> tuple[str, object]:
    """The element `value[x]` or `dataAbsentReason` of `found` by its name, and its content."""
    if isinstance(found, Absent):
        absent = Coding(systems.DATA_ABSENT_REASON, found.reason)
        return "dataAbsentReason", {"coding": [coding(absent)]}
    if isinstance(found, Coding):
        return "valueCodeableConcept", {"coding": [coding(found)], **_words(rule, found)}
    assert rule.scale is not None, "only an answer has no scale"
    return "valueQuantity", quantity(found, rule.scale)


def _words(rule: FieldRule, answer: Coding) -> dict[str, object]:
    """What the device said, as the text of a code whose display was not read: a reader would see a number alone."""
    if answer.display is not None:
        return {}
    return {"text": next(says for says, each in rule.metric.answers.items() if each == answer)}
