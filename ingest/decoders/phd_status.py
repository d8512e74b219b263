"""How far a measurement may be relied on, as the Observation says: its status, and the device's own measurement status.

https://build.fhir.org/ig/HL7/phd/; https://hl7.org/fhir/R4/valueset-observation-interpretation.html
"""

from dataclasses import dataclass
from typing import Final

from ingest.decoders.fhir_words import words
from ingest.decoders.members import Members
from ingest.decoders.phd_value import codings
from terminology.service import Coding

MEASUREMENT_STATUS: Final = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"
INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

_STATUSES: Final = {"final": False, "amended": True, "corrected": True}
_DOUBTFUL: Final = ("questionable", "calibration-ongoing", "early-indication", "msmt-ongoing")
_SAID: Final = ("validated-data", "in-alarm", "alarm-inhibited")
_LEVELS: Final = ("H", "HH", "L", "LL", "N", "A", "AA", "HX", "LX")


@dataclass(frozen=True, slots=True)
class Status:
    """Whether it corrects an earlier one, a `quality` that is not good, what its interpretation is, the rest in words."""

    corrects: bool = False
    quality: str | None = None
    interpretation: tuple[Coding, ...] = ()
    notes: tuple[str, ...] = ()


def status(observation: Members) -> Status:
    """What the Observation says of itself, with an issue for one that is not final."""
    stated = observation.text("status", required=True)
    if stated is not None and stated not in _STATUSES:
        text = f"is {stated[:20]!r}: only what is final is stored. Send it again when it is."
        observation.refuse("status", text, "not-supported")
    quality: str | None = None
    kept: list[Coding] = []
    notes: list[str] = []
    for concept in observation.objects("interpretation"):
        coded = codings(concept)
        for each in coded:
            if each.system == MEASUREMENT_STATUS and each.code in _DOUBTFUL:
                quality = each.code
            elif (each.system == MEASUREMENT_STATUS and each.code in _SAID) or (
                each.system == INTERPRETATION and each.code in _LEVELS
            ):
                kept.append(each)
            else:
                notes.append(f"interpretation: {each.display or each.code} ({each.system})")
        if not coded:
            notes.append(f"interpretation: {words(concept.tree)}")
    return Status(_STATUSES.get(stated or "", False), quality, tuple(kept), tuple(notes))
