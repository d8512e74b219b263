from fhir_server.validation.reference_elements import references


def test_every_reference_is_found_with_its_element():
    tree = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/p1"},
        "performer": [{"display": "nobody"}, {"reference": "Practitioner/x"}],
        "component": [{"extension": [{"url": "u", "valueReference": {"reference": "Device/d"}}]}],
        "_status": {"extension": [{"url": "u", "valueReference": {"reference": "Basic/b"}}]},
        "note": [{"authorReference": {"reference": "urn:uuid:1"}}],
        "device": {"reference": "#d"},
        "contained": [{"resourceType": "Device", "id": "d", "owner": {"reference": "Organization/o"}}],
    }
    assert {tuple(found) for found in references("Observation", tree)} == {
        ("Observation.subject", "Patient/p1"),
        ("Observation.performer[1]", "Practitioner/x"),
        ("Observation.component[0].extension[0].valueReference", "Device/d"),
        ("Observation._status.extension[0].valueReference", "Basic/b"),
        ("Observation.note[0].authorReference", "urn:uuid:1"),
        ("Observation.contained[0].owner", "Organization/o"),
    }


def test_what_is_only_called_reference_is_none():
    assert list(references("DetectedIssue", {"reference": "Patient/p1"})) == []
    assert list(references("Immunization", {"education": [{"reference": "Patient/p1"}]})) == []


def test_the_resources_of_a_stored_bundle_are_not_its_own():
    entry = {"resource": {"resourceType": "Observation", "subject": {"reference": "Patient/p1"}}}
    assert list(references("Bundle", {"resourceType": "Bundle", "entry": [entry]})) == []
