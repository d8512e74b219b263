"""Scopes as the person reads them who decides."""

import pytest

from fhir_server.rest.smart.told import encounter, patient
from fhir_server.rest.smart.words import line, lines

EVERYTHING = "This is everything there is now and everything that is added in the future."


@pytest.mark.item("smart-A10")
@pytest.mark.parametrize(
    ("scope", "words", "warnings"),
    [
        (
            "patient/Observation.rs",
            "See: measurements, vital signs and laboratory results of Ada",
            (),
        ),
        ("patient/Observation.read", "See: measurements, vital signs and laboratory results of Ada", ()),
        ("patient/*.rs", "See: everything in the record of Ada", (EVERYTHING,)),
        (
            "patient/*.cruds",
            "See, add, change and delete: everything in the record of Ada",
            ("This changes data.", EVERYTHING),
        ),
        (
            "user/Condition.cu",
            "Add and change: diagnoses and health problems, of everyone whose records you may see",
            ("This changes data.",),
        ),
        (
            "user/ImagingStudy.s",
            "See: records of the kind “imaging study”, of everyone whose records you may see",
            (),
        ),
        (
            "patient/Observation.rs?category=http://x|vital-signs",
            "See: measurements, vital signs and laboratory results of Ada, only those with category “vital-signs”",
            (),
        ),
        (
            "offline_access",
            "Go on using this when you are not there, until you take it away under “My apps”",
            (),
        ),
    ],
)
def test_a_scope_is_said_in_plain_words_with_what_might_not_be_expected(scope, words, warnings):
    told = line(scope, "Ada")
    assert (told.words, told.warnings) == (words, warnings)


def test_what_changes_data_stands_together_at_the_end():
    told = lines(("patient/Observation.cud", "openid", "patient/Patient.rs"), None)
    assert [each.scope for each in told] == ["patient/Patient.rs", "openid", "patient/Observation.cud"]


def test_a_patient_is_called_by_the_usual_name_and_told_apart_by_birth_and_number():
    tree = {
        "id": "p1",
        "name": [
            {"use": "maiden", "family": "B"},
            {"use": "official", "given": ["Ada", "May"], "family": "A"},
        ],
        "birthDate": "1980-05-17",
        "gender": "female",
        "identifier": [{"system": "http://mrn", "value": "4711"}, {"system": "http://x"}],
    }
    told = patient(tree)
    assert (told.name, told.details) == ("Ada May A", "born 1980-05-17, female, number 4711")
    assert patient({"id": "p2", "name": [{"use": "old"}]}).name == "Patient p2"


def test_an_encounter_is_called_by_its_kind_and_told_apart_by_its_days():
    tree = {
        "id": "e1",
        "type": [{"coding": [{"code": "1"}, {"display": "Check-up"}]}],
        "period": {"start": "2030-01-01T08:00:00Z", "end": "2030-01-02T09:00:00Z"},
        "status": "finished",
    }
    told = encounter(tree)
    assert (told.name, told.details) == ("Check-up", "2030-01-01 to 2030-01-02, finished")
    assert encounter({"id": "e2", "class": {"display": "ambulatory"}}).name == "ambulatory"
    assert encounter({"id": "e3"}).name == "Visit"
