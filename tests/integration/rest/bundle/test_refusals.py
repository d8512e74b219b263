"""Bundles that cannot be taken, each refused by the element that is to blame.

https://hl7.org/fhir/R4/bundle.html
"""

import json

from tests.integration.rest.bundle.content import entry, observation, patch, patient, urn

FHIR = {"Content-Type": "application/fhir+json"}


async def test_what_is_no_batch_or_transaction_is_refused(client):
    for tree, expression in [
        (patient(), "resourceType"),
        ({"resourceType": "Bundle"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "collection"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "searchset"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": {}}, "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "batch", "total": 3}, "Bundle"),
        ({"resourceType": "Bundle", "type": "batch", "nonsense": 3}, "Bundle.nonsense"),
    ]:
        answer = await client.post("/fhir", content=json.dumps(tree), headers=FHIR)

        assert answer.status_code == 400
        assert answer.json()["issue"][0]["expression"] == [expression], tree


ENTRIES = [
    ({"resource": patient()}, "Bundle.entry[1]"),
    ({"fullUrl": urn(1)}, "Bundle.entry[1]"),
    (3, "Bundle.entry[1]"),
    (entry("FETCH", "Patient/p"), "Bundle.entry[1].request.method"),
    ({"request": {"method": "GET"}}, "Bundle.entry[1].request.url"),
    ({**entry("GET", "Patient/p"), "recource": {}}, "Bundle.entry[1].recource"),
    (entry("POST", "Patient"), "Bundle.entry[1].resource"),
    ({**entry("POST", "Patient"), "resource": "x"}, "Bundle.entry[1].resource"),
    (entry("POST", "Patient", observation("Patient/p")), "Bundle.entry[1].resource.resourceType"),
    (entry("POST", "Patient/p", patient()), "Bundle.entry[1]"),
    (entry("PUT", "Patient/p", patient(id="q")), "Bundle.entry[1].resource.id"),
    (entry("PUT", "Patient/p", patient()), "Bundle.entry[1].resource.id"),
    (entry("PUT", "Patient", patient()), "Bundle.entry[1]"),
    (entry("PUT", "Patient/a_b", patient(id="a_b")), "Bundle.entry[1].resource.id"),
    (entry("GET", "Patient/p", patient()), "Bundle.entry[1].resource"),
    (entry("GET", "http://elsewhere.example/fhir/Patient/p"), "Bundle.entry[1]"),
    (entry("PUT", urn(1), patient(id="p")), "Bundle.entry[1]"),
    (entry("POST", "", {"resourceType": "Bundle", "type": "batch"}), "Bundle.entry[1]"),
    (entry("POST", "Patient/_search", patient()), "Bundle.entry[1]"),
    (entry("POST", "Patient", patient(), ifNoneExist="nonsense=1"), "Bundle.entry[1].request"),
    (entry("POST", "Patient", patient(), ifNoneExist="Observation?code=1"), "Bundle.entry[1]"),
    (entry("PUT", "Patient/p", patient(id="p"), ifMatch="3"), "Bundle.entry[1]"),
    (entry("PATCH", "Patient/p", patient()), "Bundle.entry[1].resource"),
    (entry("PATCH", "Patient/p", patch({"op": "fly"})), "Bundle.entry[1]"),
    (entry("GET", "Patient?nonsense=1"), "Bundle.entry[1].request"),
    (entry("GET", "Patient/p?nonsense=1"), "Bundle.entry[1].request"),
    (entry("GET", "Patient/%zz"), "Bundle.entry[1]"),
    (
        {**entry("POST", "Patient", patient()), "fullUrl": "http://a.example/Patient/1/_history/2"},
        "Bundle.entry[1]",
    ),
]


async def test_an_entry_that_cannot_be_taken_fails_a_transaction_by_its_place(refused, count):
    for bad, expression in ENTRIES:
        status, issues = await refused(entry("POST", "Patient", patient()), bad)

        assert 400 <= status < 500
        assert issues[0]["expression"][0].startswith(expression), bad
    assert await count("Patient") == 0


async def test_entries_that_cannot_be_taken_fail_alone_in_a_batch(send, count):
    answer = await send("batch", entry("POST", "Patient", patient()), *[bad for bad, _ in ENTRIES])

    assert answer.status_code == 200, answer.text
    good, *failed = answer.json()["entry"]
    assert good["response"]["status"] == "201"
    for number, (one, (bad, expression)) in enumerate(zip(failed, ENTRIES, strict=True), 1):
        place = expression.replace("entry[1]", f"entry[{number}]")
        assert one["response"]["status"][0] == "4", bad
        assert one["response"]["outcome"]["issue"][0]["expression"][0].startswith(place), bad
    assert await count("Patient") == 1


async def test_two_entries_with_one_full_url_are_refused(refused):
    status, issues = await refused(
        entry("POST", "Patient", patient(), urn(1)), entry("POST", "Patient", patient(), urn(1))
    )
    assert status == 400
    assert "fullUrl" in issues[0]["diagnostics"]


async def test_every_invalid_resource_of_a_transaction_is_told(refused):
    bad = {"resourceType": "Observation", "status": "bogus", "code": {"text": "x"}}
    status, issues = await refused(
        entry("POST", "Observation", bad),
        entry("POST", "Patient", patient()),
        entry("POST", "Observation", bad),
    )
    assert status == 400
    assert [issue["expression"] for issue in issues] == [
        ["Bundle.entry[0].resource.status"],
        ["Bundle.entry[2].resource.status"],
    ]


async def test_more_entries_or_bytes_than_the_limit_are_413(serving):
    async with serving(max_bundle_entries=2, max_bundle_bytes=2_000) as client:
        for tree, words in [
            ([entry("POST", "Patient", patient())] * 3, "3 entries and may have 2"),
            ([entry("POST", "Patient", patient(name=[{"family": "x" * 2_000}]))], "2000 bytes"),
        ]:
            bundle = {"resourceType": "Bundle", "type": "batch", "entry": tree}
            answer = await client.post("/fhir", content=json.dumps(bundle), headers=FHIR)
            assert answer.status_code == 413
            assert words in answer.json()["issue"][0]["diagnostics"]


async def test_a_bundle_posted_to_its_type_is_stored(client):
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", patient())]}
    answer = await client.post("/fhir/Bundle", content=json.dumps(bundle), headers=FHIR)
    assert answer.status_code == 201
    assert (await client.get("/fhir/Patient", params={"_summary": "count"})).json()["total"] == 0
