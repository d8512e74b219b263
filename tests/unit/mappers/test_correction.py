import json

from fhir.resources.R4B.provenance import Provenance

from mappers.correction import amended, provenance


def test_an_amended_version_differs_in_its_status_alone():
    resource = {"resourceType": "Observation", "id": "o1", "status": "final"}

    assert amended(resource) == {**resource, "status": "amended"}
    assert resource["status"] == "final"


def test_a_provenance_says_what_was_replaced_and_by_whom():
    made = provenance("v1", "Observation/o1", "1", "d1", "2026-01-31T12:00:01.250Z")

    Provenance.model_validate_json(json.dumps(made))
    assert made["target"] == [{"reference": "Observation/o1"}]
    assert made["agent"] == [{"who": {"reference": "Device/d1"}}]
    assert made["entity"] == [{"role": "revision", "what": {"reference": "Observation/o1/_history/1"}}]
