"""Resources thinned out."""

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.summary import shape, shaped

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "1", "tag": [{"code": "mine"}]},
    "text": {"status": "empty", "div": "<div/>"},
    "name": [{"family": "Li"}],
    "birthDate": "1970",
    "_birthDate": {"extension": []},
    "maritalStatus": {"text": "m"},
    "link": [{"other": {"reference": "Patient/2"}, "type": "seealso"}],
    "contact": [{"name": {"family": "Wu"}}],
}


@pytest.mark.parametrize(
    ("summary", "elements", "kept"),
    [
        ("true", None, {"name", "birthDate", "_birthDate", "link"}),
        ("text", None, {"text"}),
        ("data", None, set(PATIENT) - {"text", "resourceType", "id", "meta"}),
        (None, "birthDate", {"birthDate", "_birthDate"}),
        (None, "Patient.name,contact", {"name", "contact"}),
    ],
)
def test_only_what_is_asked_and_what_must_be_is_kept(summary, elements, kept):
    assert set(shaped(PATIENT, shape(("Patient",), summary, elements))) == kept | {
        "resourceType",
        "id",
        "meta",
    }


def test_what_is_thinned_out_says_so_beside_its_own_tags():
    tags = shaped(PATIENT, shape(("Patient",), "true", None))["meta"]["tag"]

    assert [tag["code"] for tag in tags] == ["mine", "SUBSETTED"]
    assert PATIENT["meta"]["tag"] == [{"code": "mine"}]


@pytest.mark.parametrize(("summary", "elements"), [(None, None), ("false", None), ("count", None)])
def test_a_whole_resource_stays_as_it_is(summary, elements):
    assert shaped(PATIENT, shape(("Patient",), summary, elements)) is PATIENT


def test_an_element_of_a_choice_is_named_without_its_type():
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {},
        "valueInteger": 1,
        "note": [],
    }

    assert "valueInteger" in shaped(observation, shape(("Observation",), None, "value"))


@pytest.mark.parametrize(
    ("summary", "elements"), [("most", None), (None, "colour"), ("true", "name"), (None, "")]
)
def test_what_cannot_be_kept_is_refused(summary, elements):
    with pytest.raises(InvalidSearch, match=r"_summary|_elements"):
        shape(("Patient",), summary, elements)
