"""Batch and transaction over HTTP.

https://hl7.org/fhir/R4/http.html#transaction
"""

import json

import pytest

FHIR = {"Content-Type": "application/fhir+json"}


@pytest.fixture
def send(client):
    async def post(kind, *entries, **headers):
        tree = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
        return await client.post("/fhir", content=json.dumps(tree), headers=FHIR | headers)

    return post


def entry(method, url, resource=None, full_url=None, **request):
    made = {"request": {"method": method, "url": url, **request}}
    if full_url:
        made["fullUrl"] = full_url
    if resource:
        made["resource"] = resource
    return made


def observation(subject, **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": subject},
        **more,
    }


PATIENT = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


async def test_a_transaction_links_what_it_makes(client, send, patient):
    answer = await send(
        "transaction",
        entry("POST", "Observation", observation(PATIENT)),
        entry("POST", "Patient", patient, PATIENT),
    )

    assert answer.status_code == 200
    bundle = answer.json()
    assert bundle["type"] == "transaction-response"
    made, person = bundle["entry"]
    assert [each["response"]["status"] for each in (made, person)] == ["201", "201"]
    assert made["resource"]["subject"]["reference"] == f"Patient/{person['resource']['id']}"
    assert person["response"]["location"].endswith(f"/Patient/{person['resource']['id']}/_history/1")
    assert person["response"]["etag"] == 'W/"1"'
    found = await client.get("/fhir/Observation", params={"subject": f"Patient/{person['resource']['id']}"})
    assert [each["resource"]["id"] for each in found.json()["entry"]] == [made["resource"]["id"]]
