"""R4's own example transactions, as HL7 publishes them."""

import gzip
import json
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "data" / "r4-examples.ndjson.gz"
FHIR = {"Content-Type": "application/fhir+json"}


async def test_the_examples_of_r4_are_taken_or_refused_by_what_is_not_served(client):
    answers = {}
    with gzip.open(EXAMPLES) as lines:
        for line in lines:
            tree = json.loads(line)
            if tree["resourceType"] == "Bundle" and tree["type"] == "transaction":
                answers[tree["id"]] = await client.post("/fhir", content=line, headers=FHIR)

    made = {id: answer.json()["entry"] for id, answer in answers.items() if answer.status_code == 200}
    refused = {id: answer.json()["issue"][0] for id, answer in answers.items() if answer.status_code != 200}
    assert {id: {one["response"]["status"] for one in entries} for id, entries in made.items()} == {
        "hla-1": {"201"},
        "xds": {"201"},
    }
    assert "$lookup" in refused.pop("bundle-transaction")["diagnostics"]
    assert "is not below http://server.example/fhir" in refused.pop("ussg-fht")["diagnostics"]
    assert not refused
