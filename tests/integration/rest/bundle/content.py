"""Entries and resources of the Bundles in these tests."""

import base64
import json
import uuid

SYSTEM = "http://hospital.example/mrn"


def urn(number=0):
    """A `urn:uuid:`, the same for the same number."""
    return f"urn:uuid:{uuid.UUID(int=number)}"


def entry(method, url, resource=None, full_url=None, **request):
    """An entry of a Bundle."""
    made = {"request": {"method": method, "url": url, **request}}
    if full_url:
        made["fullUrl"] = full_url
    if resource:
        made["resource"] = resource
    return made


def patient(value=None, **more):
    """A Patient, with an identifier when `value` says so."""
    identified = {"identifier": [{"system": SYSTEM, "value": value}]} if value else {}
    return {"resourceType": "Patient", "name": [{"family": "Chalmers"}], **identified, **more}


def observation(subject, **more):
    """An Observation of the heart rate of `subject`."""
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": code,
        "subject": {"reference": subject},
        **more,
    }


def patch(*operations):
    """The Binary that a PATCH entry brings."""
    return {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(json.dumps(operations).encode()).decode(),
    }


def identified(value):
    """The query that finds `patient(value)`."""
    return f"identifier={SYSTEM}|{value}"
