"""What the clients send: the same story told to each in its own words.

https://hl7.org/fhir/R4/http.html#transaction
"""

HEART_RATE = {"system": "http://loinc.org", "code": "8867-4"}


def patient(name):
    """A Patient whose family name and identifier are the test's own."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:clients", "value": name}],
        "name": [{"family": name, "given": ["Ada"]}],
        "birthDate": "1968-04-12",
        "active": True,
    }


def heart_rate(reference, value, minute):
    """An Observation of a heart rate."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [HEART_RATE]},
        "subject": {"reference": reference},
        "effectiveDateTime": f"2026-02-03T10:{minute:02}:00Z",
        "valueQuantity": {
            "value": value,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }


def transaction(name, readings):
    """A Bundle with a new Patient and `readings` Observations that refer to it by its urn."""
    urn = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    resources = [patient(name), *(heart_rate(urn, 60 + number, number) for number in range(readings))]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                **({"fullUrl": urn} if resource["resourceType"] == "Patient" else {}),
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]},
            }
            for resource in resources
        ],
    }
