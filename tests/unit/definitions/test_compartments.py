import pytest

from fhir_server.definitions.compartments import members
from fhir_server.definitions.search_parameters import for_type

COMPARTMENTS = ("Patient", "Encounter", "RelatedPerson", "Practitioner", "Device")


def test_the_patient_compartment_takes_observations_by_subject_and_performer():
    assert members("Patient")["Observation"] == ("subject", "performer")


def test_a_type_outside_a_compartment_is_not_listed():
    assert "Medication" not in members("Patient")


@pytest.mark.parametrize("compartment", COMPARTMENTS)
def test_every_parameter_that_places_a_resource_exists(compartment: str):
    unknown = {
        (type, code)
        for type, codes in members(compartment).items()
        for code in codes
        if code != "{def}" and code not in for_type(type)
    }

    assert unknown == set()


def test_there_is_no_compartment_of_another_type():
    with pytest.raises(KeyError):
        members("Observation")
