"""A patient's latest oxygen saturations, asked of the FHIR API with Python's standard library alone.

https://hl7.org/fhir/R4/http.html#search

    FHIR_TOKEN=… python examples/latest_saturation.py http://127.0.0.1:8000 p1
"""

import json
import os
import sys
import urllib.parse
import urllib.request

SATURATION = "http://loinc.org|59408-5"


def main(url: str, patient: str) -> None:
    """Nothing; a line for each of the newest five, newest first, is printed."""
    asked = {"patient": patient, "code": SATURATION, "_sort": "-date", "_count": "5"}
    request = urllib.request.Request(f"{url}/fhir/Observation?{urllib.parse.urlencode(asked)}")
    if token := os.environ.get("FHIR_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request) as answer:
        bundle = json.load(answer)
    for entry in bundle.get("entry", []):
        observation = entry["resource"]
        quantity = observation["valueQuantity"]
        print(observation["effectiveDateTime"], quantity["value"], quantity["unit"])


if __name__ == "__main__":
    main(*sys.argv[1:3])
