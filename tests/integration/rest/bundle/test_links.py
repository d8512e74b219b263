"""References between the entries of a transaction.

https://hl7.org/fhir/R4/bundle.html#references
"""

import pytest

from tests.integration.rest.bundle.content import entry, observation, patient, urn

OID = "urn:oid:1.2.840.99999"


@pytest.mark.parametrize("full_url", [urn(7), OID, "http://source.example/fhir/Patient/45"])
async def test_a_reference_to_a_full_url_becomes_one_to_what_was_made(transact, full_url):
    made, person = await transact(
        entry("POST", "Observation", observation(full_url)), entry("POST", "Patient", patient(), full_url)
    )
    assert made["resource"]["subject"]["reference"] == f"Patient/{person['resource']['id']}"


async def test_a_relative_reference_is_read_against_the_full_url_of_its_own_entry(transact):
    base = "http://source.example/fhir"
    near, far, person = await transact(
        entry("POST", "Observation", observation("Patient/45"), f"{base}/Observation/1"),
        entry("POST", "Observation", observation("Patient/45"), "http://other.example/Observation/1"),
        entry("POST", "Patient", patient(), f"{base}/Patient/45"),
    )
    assert near["resource"]["subject"]["reference"] == f"Patient/{person['resource']['id']}"
    assert far["resource"]["subject"]["reference"] == "Patient/45"


async def test_what_is_updated_is_referred_to_by_its_own_id(transact):
    made, _ = await transact(
        entry("POST", "Observation", observation(urn(1))), entry("PUT", "Patient/p", patient(id="p"), urn(1))
    )
    assert made["resource"]["subject"]["reference"] == "Patient/p"


async def test_a_reference_to_a_version_names_the_version_that_is_made(put, transact):
    await put(patient(id="p"))

    new, old, _, _ = await transact(
        entry("POST", "Observation", observation(f"{urn(1)}/_history/7")),
        entry("POST", "Observation", observation(f"{urn(2)}/_history/7")),
        entry("POST", "Patient", patient(id="x"), urn(1)),
        entry("PUT", "Patient/p", patient(id="p"), urn(2)),
    )

    assert new["resource"]["subject"]["reference"].endswith("/_history/1")
    assert old["resource"]["subject"]["reference"] == "Patient/p/_history/2"


async def test_urls_and_the_narrative_are_linked_and_canonicals_are_not(transact):
    document, _ = await transact(
        entry(
            "POST",
            "DocumentReference",
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "implicitRules": urn(2),
                "meta": {"profile": [urn(2)]},
                "text": {
                    "status": "generated",
                    "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn(2)}#top">x</a></div>',
                },
                "content": [{"attachment": {"url": urn(2), "title": urn(2)}}],
                "contained": [observation(urn(2), id="o")],
                "context": {"related": [{"reference": "#o"}]},
                "_description": {
                    "extension": [{"url": "http://x.example", "valueReference": {"reference": urn(2)}}]
                },
            },
        ),
        entry("PUT", "Binary/b", {"resourceType": "Binary", "id": "b", "contentType": "text/plain"}, urn(2)),
    )

    tree = document["resource"]
    assert tree["content"][0]["attachment"] == {"url": "Binary/b", "title": urn(2)}
    assert 'href="Binary/b#top"' in tree["text"]["div"]
    assert tree["meta"]["profile"] == [urn(2)]
    assert tree["contained"][0]["subject"]["reference"] == "Binary/b"
    assert tree["_description"]["extension"][0]["valueReference"]["reference"] == "Binary/b"
    assert tree["implicitRules"] == "Binary/b"


async def test_a_reference_to_a_urn_of_no_entry_is_refused_by_its_place(refused):
    status, (issue,) = await refused(
        entry("POST", "Patient", patient(), urn(1)), entry("POST", "Observation", observation(urn(9)))
    )
    assert status == 400
    assert issue["expression"] == ["Bundle.entry[1].resource.subject.reference"]
    assert urn(9) in issue["diagnostics"]


async def test_circles_are_closed(transact):
    one, other = await transact(
        entry("POST", "Patient", patient(link=[{"type": "seealso", "other": {"reference": urn(2)}}]), urn(1)),
        entry("POST", "Patient", patient(link=[{"type": "seealso", "other": {"reference": urn(1)}}]), urn(2)),
    )
    assert one["resource"]["link"][0]["other"]["reference"] == f"Patient/{other['resource']['id']}"
    assert other["resource"]["link"][0]["other"]["reference"] == f"Patient/{one['resource']['id']}"


async def test_a_bundle_that_is_stored_keeps_its_own_links(transact):
    inner = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": urn(1), "resource": patient()}, {"resource": observation(urn(1))}],
    }
    stored, _ = await transact(
        entry("POST", "Bundle", inner), entry("PUT", "Patient/p", patient(id="p"), urn(1))
    )
    assert stored["resource"]["entry"][1]["resource"]["subject"]["reference"] == urn(1)
