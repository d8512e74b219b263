import gzip
import json

import pytest

from fhir_server.operations import record
from fhir_server.validation.structure import check


@pytest.fixture
async def ward(stored):
    trees = [
        {"resourceType": "Practitioner", "id": "doctor"},
        {"resourceType": "Patient", "id": "p", "generalPractitioner": [{"reference": "Practitioner/doctor"}]},
        {"resourceType": "Patient", "id": "lonely"},
        *(
            {
                "resourceType": "Observation",
                "id": f"o{number}",
                "status": "final",
                "code": {"text": "x"},
                "subject": {"reference": "Patient/p"},
                "performer": [{"reference": "Practitioner/doctor"}],
                "valueQuantity": {"value": 1.5},
            }
            for number in range(7)
        ),
    ]
    await stored(trees)


async def test_the_record_is_one_bundle_to_keep_with_each_resource_once(client, ward, monkeypatch):
    monkeypatch.setattr(record, "PAGE", 3)
    answer = await client.get("/fhir/Patient/p/$record")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="Patient-p.json"'
    assert answer.headers["content-type"].startswith("application/fhir+json")
    check("Bundle", answer.content)
    bundle = answer.json()
    ids = [entry["resource"]["id"] for entry in bundle["entry"]]
    assert bundle["type"] == "collection"
    assert sorted(ids) == sorted(["p", "doctor", *(f"o{number}" for number in range(7))])
    assert bundle["entry"][0]["fullUrl"] == "http://server.example/fhir/Patient/p"
    narrowed = await client.get("/fhir/Patient/lonely/$record?_type=Observation")
    assert "entry" not in narrowed.json()
    check("Bundle", narrowed.content)


async def test_it_is_compressed_for_who_takes_that_and_empty_for_head(client, ward):
    packed = client.build_request("GET", "/fhir/Patient/p/$record", headers={"Accept-Encoding": "gzip"})
    answer = await client.send(packed, stream=True)
    raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(raw))["entry"]) == 9
    head = await client.head("/fhir/Patient/p/$record")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_patient_that_is_not_there_is_told_before_anything_is_sent(client):
    answer = await client.get("/fhir/Patient/nobody/$record")
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert (await client.get("/fhir/Patient/nobody/$record?_type=X")).status_code == 400
    assert (await client.get("/fhir/Patient/$record")).status_code == 404
