import pytest

from fhir_server.definitions.search_parameters import Component, for_type
from fhir_server.definitions.types import RESOURCE_TYPES


def test_a_type_has_its_own_parameters_and_those_of_every_resource():
    codes = set(for_type("Observation"))

    assert {"code", "date", "patient", "value-quantity", "component-code-value-quantity"} <= codes
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_text"} <= codes


def test_a_type_that_is_no_domain_resource_has_no_narrative_to_search():
    assert "_text" not in for_type("Bundle")
    assert "_id" in for_type("Bundle")


def test_an_expression_has_the_alternatives_of_its_type_only():
    assert for_type("Observation")["date"].expression == "Observation.effective"
    assert for_type("Patient")["birthdate"].expression == "Patient.birthDate"


def test_data_types_are_those_that_the_expression_reaches():
    parameters = for_type("Observation")

    assert parameters["date"].datatypes == ("Period", "Timing", "dateTime", "instant")
    assert parameters["value-quantity"].datatypes == ("Quantity", "SampledData")
    assert parameters["code"].datatypes == ("CodeableConcept",)
    assert for_type("Patient")["deceased"].datatypes == ("boolean",)


def test_a_repeating_element_on_the_way_makes_a_parameter_repeat():
    parameters = for_type("Observation")

    assert parameters["category"].repeats
    assert parameters["component-code"].repeats
    assert not parameters["code"].repeats
    assert not for_type("Bundle")["composition"].repeats


def test_targets_are_narrowed_by_the_expression_and_the_element():
    parameters = for_type("Observation")

    assert parameters["patient"].targets == ("Patient",)
    assert parameters["subject"].targets == ("Device", "Group", "Location", "Patient")
    assert for_type("DeviceMetric")["source"].targets == ("Device",)


def test_a_composite_has_components_with_their_types():
    composite = for_type("Observation")["component-code-value-quantity"]

    assert composite.expression == "Observation.component"
    assert composite.components == (
        Component("component-code", "token", "code", ("CodeableConcept",)),
        Component("component-value-quantity", "quantity", "value.as(Quantity)", ("Quantity",)),
    )


def test_the_examples_of_the_resource_do_not_take_the_place_of_real_parameters():
    assert for_type("Condition")["subject"].url.endswith("/Condition-subject")
    assert for_type("Patient")["_id"].url == "http://hl7.org/fhir/SearchParameter/Resource-id"


def test_every_parameter_of_every_type_reaches_something_or_says_it_does_not():
    silent = {
        (parameter.code)
        for type in RESOURCE_TYPES
        for parameter in for_type(type).values()
        if not parameter.datatypes and parameter.type != "composite"
    }

    assert silent == {"_text", "_content", "_query", "_filter", "age", "birthOrderBoolean"}


def test_an_unknown_type_is_a_key_error():
    with pytest.raises(KeyError):
        for_type("Resource")


def test_us_core_adds_the_parameters_of_its_searches_that_r4_lacks():
    added = {("Condition", "asserted-date"), ("CareTeam", "role"), ("Goal", "description")}
    for type, code in {*added, ("Encounter", "discharge-disposition")}:
        assert for_type(type)[code].url.endswith(f"/us-core-{type.lower()}-{code}")
    assert "code" in for_type("Condition")
