"""What an Observation of the guide measures: values by their MDC numbers, a strip of a signal, or its own state.

https://build.fhir.org/ig/HL7/phd/; https://hl7.org/fhir/R4/observation-definitions.html#Observation.value_x_
"""

from dataclasses import dataclass, field
from typing import Final, cast, get_args

from ingest.decoders.fhir_words import words
from ingest.decoders.members import Members
from ingest.decoders.phd_samples import sampled_data
from ingest.decoders.phd_state import state
from mappers.mdc import contradiction, row_of
from mappers.metric import Metric
from mappers.personal_health import Sampled, SourceCoded
from mappers.reading import Absent, AbsentReason, FieldValue
from terminology import systems
from terminology.service import Coding

TECHNICAL: Final = frozenset({"67996", "150320", "150604"})
"""Charge of the battery, quality of an oximeter's signal, its status bits: what the guide's own examples send besides."""

SUPPLEMENTAL_TYPES: Final = "68193"
_ON_TIME: Final = ("67985", "68073")
"""The device's relative clocks at the time of the measurement."""

_REASONS: Final = frozenset(get_args(AbsentReason))


@dataclass(slots=True)
class Measured:
    """What was measured by MDC numbers, filled while it is read; `sequence` tells apart measurements of other supplemental types."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    codings: dict[str, tuple[Coding, ...]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    supplemental: list[str] = field(default_factory=list)
    sampled: Sampled | None = None
    source_coded: SourceCoded | None = None

    @property
    def sequence(self) -> str | None:
        """The supplemental types in their order, None where there are none."""
        return "-".join(sorted(self.supplemental)) or None


def measured(observation: Members, *, time_stamp: bool) -> Measured:
    """What the Observation measured, with an issue for every code that no row of the registry stands for."""
    found = Measured()
    concept = observation.object("code", required=True)
    sent = codings(concept)
    number = _number(concept, sent)
    if number is None or concept is None:
        _pass_over(observation)
        return found
    row = row_of(number)
    if time_stamp or number in TECHNICAL:
        found.source_coded = state(observation, number, concept, sent)
    elif row is None or row.members:
        concept.refuse("coding", _unknown(sent, number), "not-supported")
        _pass_over(observation)
    elif row.signal is not None:
        _check(concept, row, sent)
        found.sampled = sampled_data(observation, row)
        _components(observation, None, found)
    elif row.components:
        _check(concept, row, sent)
        _components(observation, row, found)
    else:
        _value(observation, row, number, sent, found)
        _components(observation, None, found)
    return found


def _pass_over(observation: Members) -> None:
    """Nothing; what is measured under an unknown code is no further mistake."""
    for name in observation.tree:
        if name.startswith("value") or name in ("component", "dataAbsentReason"):
            observation.value(name)


def codings(concept: Members | None) -> tuple[Coding, ...]:
    """The codings of a CodeableConcept that have a system and a code; an issue for one that has not."""
    found = []
    for each in () if concept is None else concept.objects("coding"):
        system, code = each.text("system", required=True), each.text("code", required=True)
        display = each.text("display")
        if system is not None and code is not None:
            found.append(Coding(system, code, display))
    return tuple(found)


def _number(concept: Members | None, sent: tuple[Coding, ...]) -> str | None:
    """The one MDC number of the code."""
    numbers = {each.code for each in sent if each.system == systems.MDC}
    if concept is None or len(numbers) == 1:
        return next(iter(numbers), None)
    if sent or "coding" not in concept:
        text = "has no code of MDC" if not numbers else "has more than one code of MDC"
        concept.refuse("coding", f"{text} ({systems.MDC}). Send one.", "required")
    return None


def _unknown(sent: tuple[Coding, ...], number: str) -> str:
    name = next((each.display for each in sent if each.system == systems.MDC and each.display), None)
    said = f"is MDC {number}{f' {name}' if name else ''}"
    row = row_of(number)
    if row is None:
        return f"{said}, for which no code and no limits are confirmed here. It is not stored."
    return f"{said} ({row.text}), which has no place here. It is not stored."


def _check(concept: Members, row: Metric, sent: tuple[Coding, ...]) -> None:
    if (why := contradiction(row, sent)) is not None:
        concept.refuse("coding", f"cannot be told: {why}. It is not stored.", "code-invalid")


def _value(part: Members, row: Metric, number: str, sent: tuple[Coding, ...], found: Measured) -> None:
    """The value of the Observation, or of a component, under its MDC number."""
    if number in found.fields:
        part.refuse("code", f"says MDC {number} a second time. Send it once.", "structure")
    found.codings[number] = sent
    reason = absent(part)
    if reason is not None:
        found.fields[number] = reason
        found.paths[number] = part.at("dataAbsentReason")
    elif row.scale is None:
        _answer(part, row, number, found)
    else:
        _quantity(part, number, found)


def _quantity(part: Members, number: str, found: Measured) -> None:
    quantity = part.object("valueQuantity", required=True)
    if quantity is None:
        return
    value, unit = quantity.number("value", required=True), quantity.text("code", required=True)
    comparator = quantity.choice("comparator", ("<", "<=", ">=", ">"))
    quantity.choice("system", (systems.UCUM,), required=True)
    quantity.text("unit")
    quantity.close()
    if value is not None and unit is not None:
        found.fields[number] = value if comparator is None else f"{comparator}{value}"
        found.units[number] = unit
        found.paths[number] = part.at("valueQuantity")


def _answer(part: Members, row: Metric, number: str, found: Measured) -> None:
    concept = part.object("valueCodeableConcept", required=True)
    chosen = {(each.system, each.code) for each in codings(concept)}
    for says, answer in row.answers.items():
        if (answer.system, answer.code) in chosen:
            found.fields[number] = says
            found.paths[number] = part.at("valueCodeableConcept")
            return
    if concept is not None:
        concept.refuse("coding", f"is no answer that is known of {row.text.lower()}.", "code-invalid")


def _components(observation: Members, panel: Metric | None, found: Measured) -> None:
    for component in observation.objects("component"):
        concept = component.object("code", required=True)
        sent = codings(concept)
        number = _number(concept, sent)
        if number is None or concept is None:
            continue
        row = row_of(number)
        if number == SUPPLEMENTAL_TYPES:
            _supplemental(component, found)
        elif number in _ON_TIME:
            found.notes.append(f"{words(concept.tree)}: {words(component.value('valueQuantity'))}")
        elif panel is not None and row is not None and row.key in panel.components and row.signal is None:
            _value(component, row, number, sent, found)
        else:
            concept.refuse("coding", _unknown(sent, number), "not-supported")
        component.close()


def _supplemental(component: Members, found: Measured) -> None:
    concept = component.object("valueCodeableConcept", required=True)
    for each in codings(concept):
        found.supplemental.append(each.code)
        found.notes.append(f"supplemental type: {each.display or ''} {each.code}".replace("  ", " "))


def absent(part: Members) -> Absent | None:
    """The reason why there is no value; None where there is one, or with an issue for a reason that R4 does not have."""
    concept = part.object("dataAbsentReason")
    if concept is None:
        return None
    for each in codings(concept):
        if each.system == systems.DATA_ABSENT_REASON and each.code in _REASONS:
            return Absent(cast("AbsentReason", each.code))
    concept.refuse("coding", f"is none of {', '.join(sorted(_REASONS))}.", "code-invalid")
    return None
