import pytest

from fhir_server.definitions.files import entries
from fhir_server.definitions.structure import Element, primitives, required_codes, structure
from fhir_server.definitions.types import RESOURCE_TYPES


def element(type_name: str, name: str) -> Element:
    return next(element for element in structure(type_name).elements if element.name == name)


def test_a_resource_has_the_elements_it_inherits_first():
    names = [element.name for element in structure("Observation").elements]

    assert names[:8] == [
        "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
    ]  # fmt: skip
    assert len(names) == len(set(names))


def test_cardinality_and_binding_are_those_of_the_definition():
    status = element("Observation", "status")

    assert (status.min, status.many, status.types) == (1, False, ("code",))
    assert status.codes == "http://hl7.org/fhir/ValueSet/observation-status"
    assert element("Observation", "category").many


def test_a_choice_has_a_json_name_for_each_type():
    names = element("Observation", "value").json_names()

    assert names["valueQuantity"] == "Quantity"
    assert names["valueDateTime"] == "dateTime"
    assert len(names) == 11


def test_nested_elements_and_content_references_are_types_of_their_own():
    assert element("Observation", "component").types == ("Observation.component",)
    assert element("Observation.component", "referenceRange").types == ("Observation.referenceRange",)
    assert element("Questionnaire.item", "item").types == ("Questionnaire.item",)


def test_targets_of_a_reference_are_type_names_and_none_means_any():
    assert element("Observation", "device").targets == ("Device", "DeviceMetric")
    assert element("Observation", "focus").targets == ()


def test_a_simple_quantity_forbids_the_comparator():
    assert element("Observation.referenceRange", "low").forbids == "comparator"
    assert element("Observation", "value").forbids is None


def test_every_type_that_an_element_names_exists():
    known = set(entries("structure"))
    missing = {
        type
        for name in known
        for element in structure(name).elements
        for type in element.types
        if type not in primitives() and type not in known
    }

    assert missing == set()
    assert set(RESOURCE_TYPES) <= known


def test_codes_of_a_required_value_set_are_expanded():
    assert required_codes("http://hl7.org/fhir/ValueSet/administrative-gender") == {
        "http://hl7.org/fhir/administrative-gender": {"male", "female", "other", "unknown"}
    }
    currencies = required_codes("http://hl7.org/fhir/ValueSet/currencies")
    assert currencies is not None
    assert "EUR" in currencies["urn:iso:std:iso:4217"]


def test_only_value_sets_that_no_list_can_hold_are_left_to_their_grammar():
    unlisted = {value_set for value_set, codes in entries("required-codes").items() if codes is None}

    assert unlisted == {
        "http://hl7.org/fhir/ValueSet/mimetypes",
        "http://hl7.org/fhir/ValueSet/ucum-units",
        "http://loinc.org/vs/LL379-9",
    }


def test_a_primitive_is_no_structure():
    assert primitives()["positiveInt"].base == "integer"
    with pytest.raises(KeyError):
        structure("string")
