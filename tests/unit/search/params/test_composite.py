"""Composites: https://hl7.org/fhir/R4/search.html#composite."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidSearch, Unprocessable
from fhir_server.search.criteria import condition, meets
from fhir_server.search.index import index
from fhir_server.search.params import hashes
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import Criterion

UCUM, LOINC, SNOMED = "http://unitsofmeasure.org", "http://loinc.org", "http://snomed.info/sct"
READING = Reading(datetime(2026, 6, 1, tzinfo=UTC), "http://own/fhir")


def coded(code: str, system: str = LOINC) -> dict:
    return {"coding": [{"system": system, "code": code}]}


def amount(value: float, code: str) -> dict:
    return {"value": value, "system": UCUM, "code": code}


BLOOD_PRESSURE = {
    "resourceType": "Observation",
    "code": coded("85354-9"),
    "component": [
        {"code": coded("8480-6"), "valueQuantity": amount(120, "mm[Hg]")},
        {"code": coded("8462-4"), "valueQuantity": amount(55, "mm[Hg]")},
    ],
}
POTASSIUM = {"resourceType": "Observation", "code": coded("2823-3"), "valueQuantity": amount(6, "mmol/L")}
MIXED = {
    "resourceType": "Group",
    "characteristic": [
        {"code": coded("gender"), "valueCodeableConcept": coded("mixed"), "exclude": False},
        {"code": coded("owner"), "valueCodeableConcept": coded("me"), "exclude": False},
    ],
}
QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "useContext": [
        {
            "code": {"system": "http://terminology.hl7.org/CodeSystem/usage-context-type", "code": "focus"},
            "valueCodeableConcept": coded("408934002", SNOMED),
        }
    ],
}


def asked(type: str, name: str, text: str):
    name, _, modifier = name.partition(":")
    return condition(served(type)[name], Criterion(name, modifier, tuple(text.split(","))), READING)


def finds(tree: dict, name: str, text: str) -> bool:
    return meets(asked(tree["resourceType"], name, text), tree)


@pytest.mark.parametrize(
    ("name", "text", "tree"),
    [
        pytest.param(
            "code-value-quantity",
            f"{LOINC}|2823-3$gt5.4|{UCUM}|mmol/L",
            POTASSIUM,
            id="potassium value of greater than 5.4 mmol/L (UCUM)",
        ),
        pytest.param(
            "component-code-value-quantity",
            f"{LOINC}|8462-4$lt60",
            BLOOD_PRESSURE,
            id="diastolic blood pressure less than 60",
        ),
        pytest.param(
            "characteristic-value",
            "gender$mixed",
            MIXED,
            id="groups that have a characteristic gender with mixed",
        ),
        pytest.param(
            "context-type-value",
            f"focus${SNOMED}|408934002",
            QUESTIONNAIRE,
            id="questionnaires that are focused on smoking",
        ),
    ],
)
def test_the_examples_of_the_specification_find_what_they_are_about(name, text, tree):
    assert finds(tree, name, text)


@pytest.mark.parametrize(
    ("name", "text", "tree"),
    [
        ("component-code-value-quantity", f"{LOINC}|8480-6$lt60", BLOOD_PRESSURE),
        ("combo-code-value-quantity", f"{LOINC}|85354-9$lt60", BLOOD_PRESSURE),
        ("code-value-quantity", f"{LOINC}|85354-9$lt60", BLOOD_PRESSURE),
        ("characteristic-value", "gender$me", MIXED),
        ("code-value-quantity", f"2823-3$gt5.4|{UCUM}|mg/dL", POTASSIUM),
    ],
)
def test_both_parts_must_hold_for_one_element(name, text, tree):
    assert not finds(tree, name, text)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("component-code-value-quantity", True),
        ("combo-code-value-quantity", True),
        ("code-value-quantity", False),
        ("component-code-value-concept", False),
    ],
)
def test_a_composite_is_there_where_one_element_has_every_part(name, found):
    assert finds(BLOOD_PRESSURE, f"{name}:missing", "false") is found


@pytest.mark.parametrize(
    ("type", "name", "text", "reason"),
    [
        ("Observation", "code-value-quantity", "8480-6", "1 of 2 parts. Write `code$value-quantity`"),
        ("Observation", "code-value-quantity", "8480-6$1$2", "3 of 2 parts"),
        (
            "Observation",
            "code-value-quantity",
            "8480-6$five",
            "has `five` for value-quantity, which is no number",
        ),
        ("Observation", "code-value-quantity", "$5", "has `` for code, which is no token"),
        ("Observation", "code-value-date", "x$2013-13", "has `2013-13` for value-date, which is no date"),
        ("Observation", "code-value-quantity:not", "x$5", "The modifier :not is not served"),
        (
            "DocumentReference",
            "relationship",
            "a|b$replaces",
            "has `a|b` for relatesto, which is no reference",
        ),
    ],
)
def test_what_is_no_composite_is_refused_with_the_part_that_is_wrong(type, name, text, reason):
    with pytest.raises(InvalidSearch) as caught:
        asked(type, name, text)

    assert reason in str(caught.value)


def test_a_dollar_sign_can_stand_in_a_part():
    tree = {"resourceType": "Observation", "code": coded("a$b"), "valueString": "$5"}

    assert finds(tree, "code-value-string", r"a\$b$5")


def test_a_document_is_found_by_what_it_does_to_another():
    tree = {
        "resourceType": "DocumentReference",
        "relatesTo": [
            {"code": "replaces", "target": {"reference": "DocumentReference/1"}},
            {"code": "signs", "target": {"reference": "DocumentReference/2"}},
        ],
    }

    assert finds(tree, "relationship", "DocumentReference/1$replaces")
    assert finds(tree, "relationship", "2$http://hl7.org/fhir/document-relationship-type|signs")
    assert not finds(tree, "relationship", "DocumentReference/1$signs")


def test_a_components_row_carries_its_codings_and_serves_the_plain_parameter_too():
    row = index("Observation", BLOOD_PRESSURE)

    assert [(number.param, number.codings, number.lo) for number in row.numbers] == [
        (hashes.number("Observation.component-value-quantity"), (f"{LOINC}|8480-6",), 120),
        (hashes.number("Observation.component-value-quantity"), (f"{LOINC}|8462-4",), 55),
    ]


def test_a_component_with_more_codings_than_can_be_found_is_refused_by_its_place():
    codings = {"coding": [{"system": "http://x", "code": "c" * 500 + str(number)} for number in range(5)]}
    tree = {"resourceType": "Observation", "component": [{"code": codings, "valueQuantity": {"value": 1}}]}

    with pytest.raises(Unprocessable, match=r"Observation\.component\.code"):
        index("Observation", tree)


def test_every_composite_of_every_type_has_its_parts_in_one_element():
    assert {
        (parameter.code, parameter.together)
        for type in ("Observation", "MolecularSequence", "Group", "DocumentReference", "ValueSet")
        for parameter in served(type).values()
        if parameter.kind == "composite" and not parameter.union
    } == {
        ("code-value-concept", "single"),
        ("code-value-date", "single"),
        ("code-value-quantity", "single"),
        ("code-value-string", "single"),
        ("chromosome-window-coordinate", "single"),
        ("referenceseqid-window-coordinate", "single"),
        ("component-code-value-quantity", "row"),
        ("context-type-quantity", "row"),
        ("component-code-value-concept", "pair"),
        ("context-type-value", "pair"),
        ("characteristic-value", "pair"),
        ("relationship", "pair"),
        ("chromosome-variant-coordinate", "span"),
        ("referenceseqid-variant-coordinate", "span"),
    }
