"""One resource of each type that US Core searches, with a value for every parameter, and what else each value may be.

https://hl7.org/fhir/us/core/STU6.1/profiles-and-extensions.html
"""

import gzip
import json
from pathlib import Path

_REAL = Path(__file__).parents[2] / "data" / "us-core-resources.ndjson.gz"

_TERMS = "http://terminology.hl7.org/CodeSystem"
_SNOMED, _LOINC = "http://snomed.info/sct", "http://loinc.org"
_US_CORE = "http://hl7.org/fhir/us/core/CodeSystem"
_ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def _concept(system, code):
    return {"coding": [{"system": system, "code": code}]}


def _ref(type, id="us-1"):
    return {"reference": f"{type}/{id}"}


def _period(start, end):
    return {"start": start, "end": end}


def _asserted(date):
    return [{"url": _ASSERTED, "valueDateTime": date}]


def _address(city, state, code):
    return {"line": ["1 Long Lane"], "city": city, "state": state, "postalCode": code}


_PATIENT = _ref("Patient")
_OTHER_PATIENT = _ref("Patient", "us-2")

# The elements of the resource `us-1`, and for each parameter those that make another of it which must not be found.
TYPES = {
    "AllergyIntolerance": (
        {
            "patient": _PATIENT,
            "clinicalStatus": _concept(f"{_TERMS}/allergyintolerance-clinical", "active"),
            "code": _concept(_SNOMED, "762952008"),
        },
        {
            "patient": {"patient": _OTHER_PATIENT},
            "clinical-status": {
                "clinicalStatus": _concept(f"{_TERMS}/allergyintolerance-clinical", "resolved")
            },
        },
    ),
    "CarePlan": (
        {
            "subject": _PATIENT,
            "status": "active",
            "intent": "plan",
            "category": [_concept(f"{_US_CORE}/careplan-category", "assess-plan")],
            "period": _period("2024-03-01", "2024-06-30"),
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "category": {"category": [_concept(_SNOMED, "734163000")]},
            "status": {"status": "completed"},
            "date": {"period": _period("2019-01-01", "2019-02-01")},
        },
    ),
    "CareTeam": (
        {
            "subject": _PATIENT,
            "status": "active",
            "participant": [
                {"role": [_concept(_SNOMED, "17561000")], "member": _ref("Practitioner")},
                {"role": [_concept(_SNOMED, "405623001")], "member": _ref("PractitionerRole")},
                {"role": [_concept(_SNOMED, "116154003")], "member": _PATIENT},
                {"role": [_concept(_SNOMED, "133932002")], "member": _ref("RelatedPerson")},
            ],
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "status": {"status": "inactive"},
            "role": {"participant": [{"role": [_concept(_SNOMED, "768820003")]}]},
        },
    ),
    "Condition": (
        {
            "subject": _PATIENT,
            "extension": _asserted("2024-02-29"),
            "clinicalStatus": _concept(f"{_TERMS}/condition-clinical", "resolved"),
            "category": [_concept(f"{_TERMS}/condition-category", "problem-list-item")],
            "code": _concept(_SNOMED, "160245001"),
            "encounter": _ref("Encounter"),
            "onsetDateTime": "2024-02-27",
            "abatementDateTime": "2024-03-09",
            "recordedDate": "2024-02-28T08:30:00Z",
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "asserted-date": {"extension": _asserted("2021-02-28")},
            "clinical-status": {"clinicalStatus": _concept(f"{_TERMS}/condition-clinical", "remission")},
            "category": {"category": [_concept(f"{_TERMS}/condition-category", "encounter-diagnosis")]},
            "code": {"code": _concept(_SNOMED, "38341003")},
            "encounter": {"encounter": _ref("Encounter", "us-other")},
            "onset-date": {
                "onsetDateTime": None,
                "onsetPeriod": _period("2021-02-01", "2021-02-03"),
            },
            "abatement-date": {"abatementDateTime": "2025"},
            "recorded-date": {"recordedDate": "2021-02-28T08:30:00Z"},
        },
    ),
    "Coverage": (
        {"status": "active", "beneficiary": _PATIENT, "payor": [_ref("Organization")]},
        {"patient": {"beneficiary": _OTHER_PATIENT}},
    ),
    "Device": (
        {"status": "active", "type": _concept(_SNOMED, "72506001"), "patient": _PATIENT},
        {
            "patient": {"patient": _OTHER_PATIENT},
            "type": {"type": _concept(_SNOMED, "448703006")},
            "status": {"status": "inactive"},
        },
    ),
    "DiagnosticReport": (
        {
            "status": "final",
            "subject": _PATIENT,
            "category": [_concept(f"{_TERMS}/v2-0074", "LAB"), _concept(_LOINC, "LP29684-5")],
            "code": _concept(_LOINC, "24323-8"),
            "effectiveDateTime": "2024-05-17T10:00:00+02:00",
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "category": {"category": [_concept(_LOINC, "LP29708-2")]},
            "code": {"code": _concept(_LOINC, "34117-2")},
            "date": {"effectiveDateTime": "2022-05-17T10:00:00+02:00"},
            "status": {"status": "preliminary"},
        },
    ),
    "DocumentReference": (
        {
            "status": "current",
            "subject": _PATIENT,
            "type": _concept(_LOINC, "34117-2"),
            "category": [_concept(f"{_US_CORE}/us-core-documentreference-category", "clinical-note")],
            "date": "2024-05-17T10:00:00.250Z",
            "context": {"period": _period("2024-05-16", "2024-05-17")},
            "content": [{"attachment": {"contentType": "text/plain", "data": "bm90ZQ=="}}],
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "_id": {},
            "type": {"type": _concept(_LOINC, "18842-5")},
            "category": {"category": [_concept(_LOINC, "11369-6")]},
            "date": {"date": "2022-05-17T10:00:00.250Z"},
            "period": {"context": {"period": _period("2022-05-16", "2022-05-17")}},
            "status": {"status": "superseded"},
        },
    ),
    "Encounter": (
        {
            "status": "finished",
            "class": {"system": f"{_TERMS}/v3-ActCode", "code": "AMB"},
            "identifier": [{"system": "urn:visits", "value": "V-1"}],
            "type": [_concept(_SNOMED, "308335008")],
            "subject": _PATIENT,
            "period": _period("2024-05-17T08:00:00Z", "2024-05-17T09:30:00Z"),
            "location": [{"location": _ref("Location")}],
            "hospitalization": {"dischargeDisposition": _concept(f"{_TERMS}/discharge-disposition", "home")},
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "_id": {},
            "identifier": {"identifier": [{"system": "urn:visits", "value": "V-2"}]},
            "type": {"type": [_concept(_SNOMED, "410620009")]},
            "class": {"class": {"system": f"{_TERMS}/v3-ActCode", "code": "IMP"}},
            "status": {"status": "planned"},
            "date": {"period": _period("2022-05-17T08:00:00Z", "2022-05-17T09:30:00Z")},
            "location": {"location": [{"location": _ref("Location", "us-name")}]},
            "discharge-disposition": {
                "hospitalization": {
                    "dischargeDisposition": _concept(f"{_TERMS}/discharge-disposition", "oth")
                }
            },
        },
    ),
    "Goal": (
        {
            "lifecycleStatus": "active",
            "subject": _PATIENT,
            "description": _concept(_SNOMED, "281004"),
            "target": [{"dueDate": "2024-12-24"}],
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "description": {"description": _concept(_SNOMED, "426263006")},
            "lifecycle-status": {"lifecycleStatus": "planned"},
            "target-date": {"target": [{"dueDate": "2022-12-24"}]},
        },
    ),
    "Immunization": (
        {
            "status": "completed",
            "patient": _PATIENT,
            "vaccineCode": _concept("http://hl7.org/fhir/sid/cvx", "140"),
            "occurrenceDateTime": "2024-10-02T15:04:05Z",
        },
        {
            "patient": {"patient": _OTHER_PATIENT},
            "status": {"status": "not-done"},
            "date": {"occurrenceDateTime": "2022-10-02"},
        },
    ),
    "Location": (
        {
            "status": "active",
            "name": "Cypress Clinic",
            "alias": ["The Old Mill"],
            "address": _address("Springfield", "OH", "45501"),
        },
        {
            "name": {"name": "Quay Clinic", "alias": ["The Pier"]},
            "address": {"address": {"line": ["9 Short Street"], "city": "Northport"}},
            "address-city": {"address": _address("Riverton", "OH", "45501")},
            "address-state": {"address": _address("Springfield", "VT", "45501")},
            "address-postalcode": {"address": _address("Springfield", "OH", "99501")},
        },
    ),
    "MedicationDispense": (
        {
            "status": "completed",
            "subject": _PATIENT,
            "medicationReference": _ref("Medication"),
            "type": _concept(f"{_TERMS}/v3-ActCode", "DF"),
            "whenHandedOver": "2024-05-18",
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "status": {"status": "on-hold"},
            "type": {"type": _concept(f"{_TERMS}/v3-ActCode", "EM")},
        },
    ),
    "MedicationRequest": (
        {
            "status": "active",
            "intent": "order",
            "subject": _PATIENT,
            "encounter": _ref("Encounter"),
            "medicationReference": _ref("Medication"),
            "authoredOn": "2024-05-17T09:00:00Z",
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "intent": {"intent": "plan"},
            "status": {"status": "stopped"},
            "encounter": {"encounter": _ref("Encounter", "us-other")},
            "authoredon": {"authoredOn": "2022-05-17"},
        },
    ),
    "Observation": (
        {
            "status": "final",
            "category": [_concept(f"{_TERMS}/observation-category", "vital-signs")],
            "code": {"coding": [{"system": _LOINC, "code": "59408-5"}, {"system": _LOINC, "code": "2708-6"}]},
            "subject": _PATIENT,
            "effectiveDateTime": "2024-05-17T08:15:00Z",
            "valueQuantity": {"value": 97, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "category": {"category": [_concept(f"{_TERMS}/observation-category", "laboratory")]},
            "code": {"code": _concept(_LOINC, "8867-4")},
            "status": {"status": "amended"},
            "date": {
                "effectiveDateTime": None,
                "effectivePeriod": _period("2022-05-17T08:00:00Z", "2022-05-17T09:00:00Z"),
            },
        },
    ),
    "Organization": (
        {"name": "Acme Health", "alias": ["The Acme"], "address": [_address("Springfield", "OH", "45501")]},
        {
            "name": {"name": "Bolder Care", "alias": ["Bold"]},
            "address": {"address": [{"line": ["9 Short Street"], "city": "Northport"}]},
        },
    ),
    "Patient": (
        {
            "identifier": [{"system": "urn:mrn", "value": "M-1"}],
            "name": [{"family": "Shaw", "given": ["Amy", "V."]}],
            "gender": "female",
            "birthDate": "1987-02-20",
            "deceasedDateTime": "2024-11-01T00:05:00Z",
        },
        {
            "_id": {},
            "identifier": {"identifier": [{"system": "urn:mrn", "value": "M-2"}]},
            "name": {"name": [{"family": "Baxter", "given": ["Kim"]}]},
            "family": {"name": [{"family": "Baxter", "given": ["Shaw"]}]},
            "gender": {"gender": "male"},
            "birthdate": {"birthDate": "1990-02-20"},
            "death-date": {"deceasedDateTime": None},
        },
    ),
    "Practitioner": (
        {
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9941339108"}],
            "name": [{"family": "Bone", "given": ["Ronald"]}],
        },
        {
            "_id": {},
            "identifier": {
                "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1588667794"}]
            },
            "name": {"name": [{"family": "Kimble", "given": ["Ruth"]}]},
        },
    ),
    "PractitionerRole": (
        {
            "practitioner": _ref("Practitioner"),
            "specialty": [_concept("http://nucc.org/provider-taxonomy", "208D00000X")],
            "endpoint": [_ref("Endpoint")],
        },
        {
            "specialty": {"specialty": [_concept("http://nucc.org/provider-taxonomy", "207R00000X")]},
            "practitioner": {"practitioner": _ref("Practitioner", "us-name")},
        },
    ),
    "Procedure": (
        {
            "status": "completed",
            "subject": _PATIENT,
            "code": _concept(_SNOMED, "33195004"),
            "performedPeriod": _period("2024-05-17T08:00:00Z", "2024-05-17T08:20:00Z"),
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "code": {"code": _concept(_SNOMED, "430193006")},
            "status": {"status": "in-progress"},
            "date": {"performedPeriod": None, "performedDateTime": "2022-05"},
        },
    ),
    "QuestionnaireResponse": (
        {
            "questionnaire": "http://hl7.org/fhir/us/core/Questionnaire/prapare",
            "status": "completed",
            "subject": _PATIENT,
            "authored": "2024-05-17T09:45:00Z",
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "_id": {},
            "questionnaire": {"questionnaire": "http://hl7.org/fhir/us/core/Questionnaire/hunger"},
            "status": {"status": "in-progress"},
            "authored": {"authored": "2022-05-17"},
        },
    ),
    "RelatedPerson": (
        {"patient": _PATIENT, "name": [{"family": "Shaw", "given": ["Tom"]}]},
        {
            "patient": {"patient": _OTHER_PATIENT},
            "_id": {},
            "name": {"name": [{"family": "Underhill", "given": ["Fro"]}]},
        },
    ),
    "ServiceRequest": (
        {
            "status": "active",
            "intent": "order",
            "subject": _PATIENT,
            "category": [_concept(f"{_US_CORE}/us-core-category", "sdoh")],
            "code": _concept(_SNOMED, "467771000124109"),
            "authoredOn": "2024-05-17T09:00:00Z",
        },
        {
            "patient": {"subject": _OTHER_PATIENT},
            "_id": {},
            "category": {"category": [_concept(f"{_US_CORE}/us-core-category", "functional-status")]},
            "code": {"code": _concept(_SNOMED, "410606002")},
            "status": {"status": "revoked"},
            "authored": {"authoredOn": "2022-05-17"},
        },
    ),
    "Specimen": (
        {"subject": _PATIENT, "type": _concept(_SNOMED, "258580003")},
        {"patient": {"subject": _OTHER_PATIENT}, "_id": {}},
    ),
}


def made():
    """The resource `us-1` of every type, and one for each parameter with another value there, named after it."""
    for type, (elements, others) in TYPES.items():
        yield _resource(type, "us-1", elements, {})
        for parameter, changes in others.items():
            yield _resource(type, f"us-{parameter.lstrip('_')}", elements, changes)


def referred():
    """What the resources refer to beyond each other, and the Provenance of every `us-1`."""
    yield {"resourceType": "Medication", "id": "us-1", "code": _concept(_SNOMED, "376988009")}
    yield {
        "resourceType": "Endpoint",
        "id": "us-1",
        "status": "active",
        "connectionType": {"system": f"{_TERMS}/endpoint-connection-type", "code": "hl7-fhir-rest"},
        "payloadType": [{"text": "any"}],
        "address": "https://endpoint.example/fhir",
    }
    for type in TYPES:
        yield {
            "resourceType": "Provenance",
            "id": f"us-{type.lower()}",
            "target": [_ref(type)],
            "recorded": "2024-05-17T10:00:00Z",
            "agent": [{"who": _ref("Practitioner")}],
        }


def real():
    """The resources of tests/data/us-core-resources.md."""
    return [json.loads(line) for line in gzip.decompress(_REAL.read_bytes()).splitlines()]


def _resource(type, id, elements, changes):
    changed = {name: value for name, value in (elements | changes).items() if value is not None}
    return {"resourceType": type, "id": id, **changed}
