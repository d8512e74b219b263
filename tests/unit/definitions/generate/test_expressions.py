import pytest

from fhir_server.definitions.files import entries
from fhir_server.definitions.generate.expressions import Reached, Walk, parts

WALK = Walk(entries("structure"))


def test_a_union_is_split_by_the_type_that_is_asked():
    union = "Patient.birthDate | Person.birthDate | (RelatedPerson.birthDate as date)"

    assert list(parts(union, "Person")) == ["Person.birthDate"]
    assert list(parts(union, "RelatedPerson")) == ["(RelatedPerson.birthDate as date)"]


def test_a_part_that_names_no_type_belongs_to_the_one_asked():
    assert list(parts("name | alias", "InsurancePlan")) == ["InsurancePlan.name", "InsurancePlan.alias"]


@pytest.mark.parametrize(
    ("expression", "base", "expected"),
    [
        ("(Observation.value as Quantity)", "Observation", Reached(["Quantity"], False, [])),
        ("Condition.abatement.as(Age)", "Condition", Reached(["Age"], False, [])),
        ("Patient.telecom.where(system='email')", "Patient", Reached(["ContactPoint"], True, [])),
        (
            "Observation.subject.where(resolve() is Patient)",
            "Observation",
            Reached(["Reference"], False, ["Patient"]),
        ),
        ("Bundle.entry[0].resource", "Bundle", Reached(["Resource"], False, [])),
        (
            "Patient.deceased.exists() and Patient.deceased != false",
            "Patient",
            Reached(["boolean"], False, []),
        ),
        ("(Observation.value as CodeableConcept).text", "Observation", Reached(["string"], False, [])),
        ("Resource.meta.tag", "Resource", Reached(["Coding"], True, [])),
    ],
)
def test_an_expression_reaches_types(expression: str, base: str, expected: Reached):
    assert WALK.yields(expression, base) == expected


@pytest.mark.parametrize("expression", ["Patient.bogus", "Patient.name.first()", "Patient.name.iif(a, b)"])
def test_an_unknown_form_stops_the_generator(expression: str):
    with pytest.raises(ValueError, match="generator"):
        WALK.yields(expression, "Patient")
