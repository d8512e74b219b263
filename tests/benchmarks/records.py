"""What lies in the database while it is measured: a ward of patients with their readings, and a town around it.

docs/performance.md
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from fhir_server.ids import uuid7
from fhir_server.interactions.write import draft
from fhir_server.store.drafts import Draft

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)

WARD = 100
TOWN = 100_000
RARE = 40

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_LOINC, _MDC = "http://loinc.org", "urn:iso:std:iso:11073:10101"
_SATURATION = [
    {"system": _LOINC, "code": "59408-5", "display": "Oxygen saturation in Arterial blood by Pulse oximetry"},
    {"system": _LOINC, "code": "2708-6"},
    {"system": _MDC, "code": "150456"},
]
_PULSE = [{"system": _LOINC, "code": "8867-4", "display": "Heart rate"}, {"system": _MDC, "code": "149530"}]
_LACTATE = [{"system": _LOINC, "code": "2524-7", "display": "Lactate [Moles/volume] in Serum or Plasma"}]


def family(number: int) -> str:
    """The family name of the ward's patient `number`, which nobody else has."""
    return f"Ward{number:03}"


def ward() -> Iterator[Draft]:
    """Patients p0, p1 …, each with a device of its own."""
    for number in range(WARD):
        tree = _patient(family(number), "Ada", 1940 + number % 60)
        yield draft("Patient", tree, id=f"p{number}", method="PUT")
        device = {"resourceType": "Device", "status": "active", "serialNumber": f"S{number}"}
        yield draft("Device", device, id=f"bench-ox-{number}", method="PUT")


def town(count: int) -> Iterator[Draft]:
    """Patients with a thousand family names among them."""
    for number in range(count):
        tree = _patient(town_family(number % 1000), f"Given{number // 1000}", 1940 + number % 60)
        yield draft("Patient", tree, id=f"town-{number}", method="PUT")


def town_family(number: int) -> str:
    """One of the town's thousand family names."""
    return f"{'bcdfghjklm'[number % 10]}{'aeiou'[number // 10 % 5]}{'nprst'[number // 50 % 5]}{number:03}".title()


def readings(first: int, count: int) -> Iterator[Draft]:
    """Two Observations of each of the ward's patients a minute, from minute `first` on, `count` in all."""
    for number in range(count // 2):
        minute, patient = divmod(number, WARD)
        at = (START + timedelta(minutes=first + minute)).isoformat()
        yield _observation(patient, at, _SATURATION, 90 + number % 10, "%")
        yield _observation(patient, at, _PULSE, 60 + number % 40, "/min")


def rare() -> Iterator[Draft]:
    """A laboratory value of a few of the ward's patients."""
    for patient in range(RARE):
        yield _observation(patient, START.isoformat(), _LACTATE, 2, "mmol/L")


def provenances(observations: list[str]) -> Iterator[Draft]:
    """Who made each of the Observations."""
    for number, id in enumerate(observations):
        tree = {
            "resourceType": "Provenance",
            "target": [{"reference": f"Observation/{id}"}],
            "recorded": START.isoformat(),
            "agent": [{"who": {"reference": f"Device/bench-ox-{number % WARD}"}}],
        }
        yield draft("Provenance", tree, id=uuid7(), method="POST")


def _patient(family: str, given: str, year: int) -> dict[str, object]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": f"{family}-{given}"}],
        "name": [{"family": family, "given": [given]}],
        "gender": "female",
        "birthDate": f"{year}-04-12",
    }


def _observation(patient: int, at: str, codings: list[dict[str, str]], value: int, unit: str) -> Draft:
    id = uuid7()
    tree = {
        "resourceType": "Observation",
        "identifier": [{"system": "urn:uuid", "value": id}],
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs", "display": "Vital Signs"}]}],
        "code": {"coding": codings},
        "subject": {"reference": f"Patient/p{patient}"},
        "effectiveDateTime": at,
        "device": {"reference": f"Device/bench-ox-{patient}"},
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }
    return draft("Observation", tree, id=id, method="POST")
