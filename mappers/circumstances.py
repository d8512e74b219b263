"""Under what circumstances something was measured, as far as R4 has elements for it; the rest becomes notes.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.bodySite
https://hl7.org/fhir/R4/extension-observation-bodyposition.html
"""

from dataclasses import dataclass
from typing import Final

_BODY_POSITION: Final = "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a source says around a measurement, in its own words: no code is made up for them.

    `self_reported` values are asserted by the patient, who is then the performer. `notes` are what has no element.
    """

    body_site: str | None = None
    body_position: str | None = None
    specimen: str | None = None
    self_reported: bool = False
    notes: tuple[str, ...] = ()


def elements(circumstances: Circumstances, subject: dict[str, object]) -> dict[str, object]:
    """The elements of an Observation about `subject` that say `circumstances`, by name."""
    said: dict[str, object] = {}
    if circumstances.body_position is not None:
        position = {"text": circumstances.body_position}
        said["extension"] = [{"url": _BODY_POSITION, "valueCodeableConcept": position}]
    if circumstances.self_reported:
        said["performer"] = [subject]
    if circumstances.notes:
        said["note"] = [{"text": each} for each in circumstances.notes]
    if circumstances.body_site is not None:
        said["bodySite"] = {"text": circumstances.body_site}
    if circumstances.specimen is not None:
        said["specimen"] = {"display": circumstances.specimen}
    return said
