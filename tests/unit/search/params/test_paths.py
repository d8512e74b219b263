"""The FHIRPath subset of search parameters."""

import pytest

from fhir_server.search.params.paths import Unsupported, nodes, paths, relative


@pytest.mark.parametrize(
    ("expression", "tree", "found"),
    [
        ("Patient.name.given", {"name": [{"given": ["A", None, "B"]}, {"family": "C"}]}, ["A", "B"]),
        ("Patient.telecom.where(system='email')", {"telecom": [{"system": "phone"}, {"system": "email"}]}, [{"system": "email"}]),
        ("(Observation.value as Quantity)", {"valueQuantity": {"value": 1}, "valueString": "x"}, [{"value": 1}]),
        ("Observation.effective", {"effectivePeriod": {"start": "2013"}}, [{"start": "2013"}]),
        ("Condition.onset.as(dateTime) | Condition.onset.as(Period)", {"onsetDateTime": "2013"}, ["2013"]),
        ("(Observation.value as CodeableConcept).text", {"valueCodeableConcept": {"text": "x"}}, ["x"]),
        ("Library.relatedArtifact.where(type='successor').resource", {"relatedArtifact": [{"type": "successor", "resource": "u"}, {"type": "depends-on", "resource": "v"}]}, ["u"]),
        ("Questionnaire.item.code", {"item": [{"code": [1], "item": [{"code": [2]}]}]}, [1]),
    ],
)  # fmt: skip
def test_an_expression_reaches_its_elements(expression, tree, found):
    assert [node for path in paths(expression) for node in nodes(path, tree)] == found


def test_a_resolved_type_is_kept_with_the_path():
    assert [path.only for path in paths("Observation.subject.where(resolve() is Patient)")] == ["Patient"]


@pytest.mark.parametrize("expression", ["Patient.name.first()", "Bundle.entry[0].resource", "Patient.colour"])
def test_what_is_beyond_the_subset_is_said_so(expression):
    with pytest.raises(Unsupported):
        paths(expression)


def test_an_expression_that_ends_at_an_extension_reads_its_value():
    (text,) = (path for path in paths("Patient.extension('http://x/y.z')") if path.datatype == "string")
    tree = {
        "extension": [{"url": "http://x/y.z", "valueString": "a"}, {"url": "http://x", "valueString": "b"}]
    }

    assert list(nodes(text, tree)) == ["a"]


def test_elements_can_be_told_by_an_extension_that_they_have():
    (path,) = paths("Questionnaire.item.where(hasExtension('http://x/y.z')).linkId")
    tree = {
        "item": [
            {"linkId": "1", "extension": [{"url": "http://other"}, {"url": "http://x/y.z"}]},
            {"linkId": "2", "extension": [{"url": "http://other"}]},
            {"linkId": "3"},
        ]
    }

    assert list(nodes(path, tree)) == ["1"]


def test_a_path_can_start_at_the_elements_of_another():
    (base,) = paths("ValueSet.useContext")

    assert [path.names for path in relative(base, "value.as(Quantity) | value.as(Range)")] == [
        ("valueQuantity",),
        ("valueRange",),
    ]
