"""References: https://hl7.org/fhir/R4/search.html#reference."""

import pytest

from fhir_server.search.params import reference

OWN = "https://fhir.test/fhir"


@pytest.mark.parametrize(
    ("stored", "finds", "misses"),
    [
        ("Patient/1", ["Patient/1", "1", f"{OWN}/Patient/1"], ["Group/1", "2", "Patient/1/_history/2"]),
        (f"{OWN}/Patient/1", ["Patient/1", "1", f"{OWN}/Patient/1"], ["https://else/fhir/Patient/1"]),
        ("https://else/fhir/Patient/1", ["https://else/fhir/Patient/1"], ["Patient/1", "1"]),
        ("Patient/1/_history/2", ["Patient/1", "Patient/1/_history/2"], ["Patient/1/_history/3"]),
        ("urn:uuid:4b7e", ["urn:uuid:4b7e"], ["4b7e"]),
        (
            "http://x/Questionnaire/q|1.0",
            ["http://x/Questionnaire/q", "http://x/Questionnaire/q|1.0"],
            ["http://x/Questionnaire/q|2.0"],
        ),
        ("#contained", [], ["contained"]),
    ],
)
def test_a_reference_is_found_by_every_way_to_write_it(stored, finds, misses):
    node = {"reference": stored}

    def found(text: str) -> bool:
        return reference.matches(reference.asked(text, ("Patient", "Group"), OWN), node, OWN)

    assert [text for text in finds if not found(text)] == []
    assert [text for text in misses if found(text)] == []


@pytest.mark.parametrize(
    "text", ["", "Nothing/1", "a b", "Patient/", "../etc", "#x", "Patient/1/2", "x" * 65]
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(ValueError, match="is no reference"):
        reference.asked(text, ("Patient",))


@pytest.mark.parametrize(
    ("node", "found"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": "https://else/fhir/Patient/1"}, True),
        ({"reference": "Patient/1/_history/1"}, True),
        ({"reference": "Group/1"}, False),
        ({"type": "Patient", "identifier": {"value": "1"}}, True),
        ({"identifier": {"value": "1"}}, False),
        ({"reference": "urn:uuid:1"}, False),
    ],
)
def test_the_type_of_a_reference_is_known_by_its_text_or_its_type(node, found):
    assert reference.refers_to(node, "Patient") is found
