"""A patient's readings stored in one transaction, and asked for in five ways, with fhirpy.

https://hl7.org/fhir/R4/search.html

    pip install fhirpy
    FHIR_TOKEN=… python examples/search.py http://127.0.0.1:8000
"""

import asyncio
import os
import sys
import uuid

from fhirpy import AsyncFHIRClient

HEART_RATE = {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}


def transaction(mrn: str, rates: list[int]) -> dict[str, object]:
    """A Patient and a heart rate of each minute, which refer to the Patient before it has an id."""
    urn = f"urn:uuid:{uuid.uuid4()}"
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": mrn}],
        "name": [{"family": "Lovelace", "given": ["Ada"]}],
    }
    once = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier=urn:mrn|{mrn}"}
    entries: list[dict[str, object]] = [{"fullUrl": urn, "resource": patient, "request": once}]
    for minute, rate in enumerate(rates):
        quantity = {
            "value": rate,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        }
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [HEART_RATE]},
            "subject": {"reference": urn},
            "effectiveDateTime": f"2026-01-31T08:{minute:02}:00Z",
            "valueQuantity": quantity,
        }
        entries.append({"resource": observation, "request": {"method": "POST", "url": "Observation"}})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


async def main(url: str) -> None:
    """Nothing; what each question found is printed."""
    client = AsyncFHIRClient(f"{url}/fhir", authorization=f"Bearer {os.environ.get('FHIR_TOKEN', '')}")
    mrn = uuid.uuid4().hex
    stored = await client.execute("", data=transaction(mrn, [61, 64, 118, 66]))
    print("transaction:", *(entry.response.status for entry in stored.entry))

    observations = client.resources("Observation")
    patient = await client.resources("Patient").search(identifier=f"urn:mrn|{mrn}").get()
    of_patient = observations.search(patient=patient.id, code="http://loinc.org|8867-4")

    newest = await of_patient.sort("-date").limit(2).fetch()
    print("newest two:", *(each.valueQuantity.value for each in newest))

    fast = await of_patient.search(value_quantity__gt="100|http://unitsofmeasure.org|/min").fetch()
    print("above 100:", *(each.valueQuantity.value for each in fast))

    with_patient = await of_patient.include("Observation", "patient").fetch_raw()
    print("with the patient:", *(entry.resource.resourceType for entry in with_patient.entry))

    chained = await observations.search(**{"patient.identifier": f"urn:mrn|{mrn}"}).fetch_all()
    print("through the patient's identifier:", len(chained))

    asked = {"patient": f"Patient/{patient.id}", "code": "http://loinc.org|8867-4"}
    latest = await observations.execute("$lastn", method="get", params=asked)
    print("latest of each code:", *(entry.resource.valueQuantity.value for entry in latest.entry))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
