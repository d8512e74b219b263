"""What includes are planned to fetch."""

import pytest

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden, InvalidSearch, UnknownParameter
from fhir_server.search.include import inclusion, references, referring_to, targets
from fhir_server.search.parse import parse
from fhir_server.store.predicate import EVERYTHING


def planned(type, *values, name="_include", hidden=()):
    def access(type, interaction):
        if type in hidden:
            raise Forbidden(f"{interaction} of {type}")
        return EVERYTHING

    return inclusion(parse(type, [(name, value) for value in values]).includes, (type,), access, 10)


def test_a_wildcard_follows_every_reference_of_the_types_searched():
    assert {link.parameter.prefix for link in planned("Patient", "*").links} == {
        "Patient.general-practitioner",
        "Patient.link",
        "Patient.organization",
    }
    assert planned("Patient", "Patient:*").links == planned("Patient", "*").links


def test_a_reverse_wildcard_has_every_parameter_that_may_refer_to_the_type():
    links = planned("Device", "*", name="_revinclude").links

    assert {link.parameter.prefix for link in links} == {one.prefix for one in referring_to("Device")}
    assert all(link.targets == {"Device"} for link in links)


def test_every_reference_of_every_type_leads_somewhere():
    nowhere = [one.prefix for name in RESOURCE_TYPES for one in references(name) if not targets(one)]

    assert nowhere == []


def test_a_type_that_may_not_be_read_is_left_out_of_what_is_fetched():
    found = planned("Observation", "Observation:subject", hidden=("Patient",))

    assert found.access.keys() == {"Device", "Group", "Location"}


def test_nothing_asked_is_nothing_included():
    assert planned("Patient") is None


@pytest.mark.parametrize(
    ("value", "error"), [("Patient:colour", UnknownParameter), ("Patient:name", InvalidSearch)]
)
def test_only_a_parameter_that_there_is_not_may_be_passed_over(value, error):
    with pytest.raises(InvalidSearch) as refused:
        planned("Patient", value)

    assert refused.type is error
