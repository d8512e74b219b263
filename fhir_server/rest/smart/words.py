"""Scopes in plain words, for the person who decides on them.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from smart_auth.deciding import writes
from smart_auth.launch import ANNOUNCE
from smart_auth.scopes import EVERY_TYPE, Scope, scope

_TYPES: Final = MappingProxyType(
    {
        "AllergyIntolerance": "allergies",
        "Appointment": "appointments",
        "Binary": "files",
        "CarePlan": "care plans",
        "CareTeam": "care teams",
        "Condition": "diagnoses and health problems",
        "Consent": "consents",
        "Coverage": "health insurance",
        "Device": "devices",
        "DeviceMetric": "what devices can measure",
        "DeviceUseStatement": "which devices were used, and when",
        "DiagnosticReport": "reports of examinations, such as electrocardiograms",
        "DocumentReference": "documents",
        "Encounter": "visits and stays",
        "Goal": "goals",
        "Immunization": "vaccinations",
        "Location": "places of care",
        "Media": "pictures and recordings",
        "Medication": "medicines",
        "MedicationRequest": "prescriptions",
        "MedicationStatement": "medicines taken",
        "Observation": "measurements, vital signs and laboratory results",
        "Organization": "organizations",
        "Patient": "name, date of birth, address and other personal details",
        "Practitioner": "doctors, nurses and other professionals",
        "PractitionerRole": "where professionals work",
        "Procedure": "procedures and operations",
        "Provenance": "where data come from",
        "QuestionnaireResponse": "answers to questionnaires",
        "RelatedPerson": "relatives and other contacts",
        "ServiceRequest": "orders and referrals",
        "Specimen": "samples",
    }
)
_CAN: Final = (("rs", "see"), ("c", "add"), ("u", "change"), ("d", "delete"))
_OTHERS: Final = MappingProxyType(
    {
        "openid": "Know who you are: that it is you who logs in, and which record here is yours",
        "offline_access": "Go on using this when you are not there, until you take it away under “My apps”",
        ANNOUNCE: "Open other apps for you, about a patient that it chooses",
        "online_access": "Go on using this for as long as you are logged in here",
    }
)
_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Line:
    """A scope as it is put to a person; `warnings` say what they might not expect."""

    scope: str
    words: str
    warnings: tuple[str, ...] = ()


def line(text: str, patient: str | None) -> Line:
    """What the scope lets an app do; `patient` is the name of the patient that was chosen."""
    found = scope(text)
    if found is None:
        return Line(text, _OTHERS.get(text, f"Something this server knows as {text}"))
    words = f"{_can(found)}: {_what(found)}{_whose(found, patient)}{_only(found)}"
    return Line(text, words[0].upper() + words[1:], tuple(_warnings(text, found)))


def lines(scopes: Sequence[str], patient: str | None) -> list[Line]:
    """Each of the scopes, those that change something last, where they are seen together."""
    return [
        line(text, patient) for text in sorted(scopes, key=lambda text: (writes(text), scope(text) is None))
    ]


def _can(found: Scope) -> str:
    able = [word for letters, word in _CAN if set(letters) & set(found.permissions)]
    return able[0] if len(able) == 1 else f"{', '.join(able[:-1])} and {able[-1]}"


def _what(found: Scope) -> str:
    if found.resource_type == EVERY_TYPE:
        return "everything in the record" if found.level == "patient" else "every kind of record"
    fallback = _CAPITAL.sub(" ", found.resource_type).lower()
    return _TYPES.get(found.resource_type, f"records of the kind “{fallback}”")


def _whose(found: Scope, patient: str | None) -> str:
    if found.level == "patient":
        return f" of {patient}" if patient else " of the patient"
    return ", of everyone whose records you may see"


def _only(found: Scope) -> str:
    only = [f"{name} “{value.rpartition('|')[2] or value}”" for name, value in found.filters]
    return f", only those with {' and '.join(only)}" if only else ""


def _warnings(text: str, found: Scope) -> list[str]:
    said = []
    if writes(text):
        said.append("This changes data.")
    if found.resource_type == EVERY_TYPE:
        said.append("This is everything there is now and everything that is added in the future.")
    return said
