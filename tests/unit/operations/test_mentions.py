import json

from fhir_server.operations.mentions import mentions

BASE = "http://server.example/fhir"


def found(tree):
    return set(mentions(json.dumps(tree), BASE))


def test_references_to_this_server_are_mentions():
    tree = {
        "subject": {"reference": "Patient/1"},
        "performer": [
            {"reference": f"{BASE}/Practitioner/a.b-c"},
            {"reference": "http://else.example/fhir/Patient/2"},
        ],
        "hasMember": [
            {"reference": "Observation/3/_history/2"},
            {"reference": "#inside"},
            {"reference": "urn:uuid:1"},
        ],
        "focus": [{"reference": "Nonsense/1"}],
    }
    assert found(tree) == {("Patient", "1"), ("Practitioner", "a.b-c"), ("Observation", "3")}


def test_of_addresses_only_those_of_binaries_are():
    tree = {"content": [{"attachment": {"url": "Binary/1"}}, {"attachment": {"url": "Patient/1"}}]}
    assert found(tree) == {("Binary", "1")}


def test_a_reference_within_a_text_is_none():
    assert found({"display": '"reference": "Patient/1"', "text": 'x\\"reference\\": \\"Patient/1'}) == set()
