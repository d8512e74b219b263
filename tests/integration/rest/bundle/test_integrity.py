"""Bundles where references must lead somewhere: judged by what stands when all is written.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""

import json

from tests.integration.rest.bundle.content import entry, observation, patient, urn

FHIR = {"Content-Type": "application/fhir+json"}


async def test_references_are_held_to_what_stands_after_the_bundle(serving):
    async with serving(reference_integrity="on") as client:

        async def send(kind, *entries):
            bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
            return await client.post("/fhir", content=json.dumps(bundle), headers=FHIR)

        good = await send(
            "transaction",
            entry("POST", "Observation", observation(urn(1))),
            entry("PUT", "Patient/p", patient(id="p"), urn(1)),
        )
        dangling = await send(
            "transaction",
            entry("POST", "Patient", patient()),
            entry("POST", "Observation", observation("Patient/none")),
        )
        used = await send("transaction", entry("POST", "Patient", patient()), entry("DELETE", "Patient/p"))
        mixed = await send(
            "batch",
            entry("POST", "Patient", patient()),
            entry("POST", "Observation", observation("Patient/none")),
            entry("DELETE", "Patient/p"),
        )

    assert good.status_code == 200
    (issue,) = dangling.json()["issue"]
    assert (dangling.status_code, issue["expression"]) == (422, ["Bundle.entry[1].resource.subject"])
    assert issue["diagnostics"].startswith("Entry 1 (POST Observation): ")
    assert (used.status_code, used.json()["issue"][0]["expression"]) == (409, ["Bundle.entry[1]"])
    assert [each["response"]["status"] for each in mixed.json()["entry"]] == ["201", "422", "409"]
