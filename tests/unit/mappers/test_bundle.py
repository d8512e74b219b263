import json

import pytest
from fhir.resources.R4B.bundle import Bundle

from mappers.bundle import transaction
from mappers.mapped import Mapped

OBSERVATION = {
    "resourceType": "Observation",
    "id": "019c13ec-9e00-80fd-abac-51d9b11da0bb",
    "identifier": [
        {"system": "urn:fhir-server:reading", "value": "d1_p1_heart-rate_1769860800000000000__a%2Fb"}
    ],
    "status": "final",
    "code": {"text": "Heart rate"},
    "subject": {"reference": "Patient/p1"},
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "019c13ec-9e00-8a86-9211-8b7f2abafab4",
    "identifier": [{"system": "urn:fhir-server:reading", "value": "d1_p1_ecg-report_1769860800000000000"}],
    "status": "final",
    "code": {"text": "ECG"},
    "result": [{"reference": "Observation/019c13ec-9e00-80fd-abac-51d9b11da0bb"}],
}


def test_a_transaction_creates_each_resource_unless_it_exists():
    bundle = transaction(Mapped((OBSERVATION,)))

    Bundle.model_validate_json(json.dumps(bundle))
    (entry,) = bundle["entry"]
    assert entry["request"] == {
        "method": "POST",
        "url": "Observation",
        "ifNoneExist": "identifier=urn%3Afhir-server%3Areading%7Cd1_p1_heart-rate_1769860800000000000__a%252Fb",
    }
    assert "id" not in entry["resource"]
    assert OBSERVATION["id"]


def test_references_within_the_group_become_those_of_the_bundle_and_others_stay():
    bundle = transaction(Mapped((OBSERVATION, REPORT)))

    observation, report = (entry["resource"] for entry in bundle["entry"])
    assert report["result"] == [{"reference": "urn:uuid:019c13ec-9e00-80fd-abac-51d9b11da0bb"}]
    assert bundle["entry"][0]["fullUrl"] == report["result"][0]["reference"]
    assert observation["subject"] == {"reference": "Patient/p1"}


def test_a_resource_without_identifier_would_be_stored_twice_and_is_refused():
    nameless = {**OBSERVATION, "identifier": []}

    with pytest.raises(ValueError, match="Observation has no identifier"):
        transaction(Mapped((nameless,)))
