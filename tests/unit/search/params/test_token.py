"""Tokens in their four forms: https://hl7.org/fhir/R4/search.html#token."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.index import index
from fhir_server.search.params import concept, token
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Condition, Parameter, Reading, Value

STORED = {
    "a coding": ("Coding", {"system": "http://a", "code": "x"}),
    "a coding without a system": ("Coding", {"code": "x"}),
    "a coding without a code": ("Coding", {"system": "http://a"}),
    "another system": ("Coding", {"system": "http://b", "code": "x"}),
    "another case": ("Coding", {"system": "http://a", "code": "X"}),
    "two codings": (
        "CodeableConcept",
        {"coding": [{"system": "http://c", "code": "y"}, {"system": "http://a", "code": "x"}]},
    ),
    "an identifier": ("Identifier", {"system": "http://a", "value": "x"}),
    "a text alone": ("CodeableConcept", {"text": "x"}),
    "a plain code": ("code", "x"),
    "a phone": ("ContactPoint", {"system": "phone", "value": "x"}),
}
FINDS = {
    "x": {
        "a coding",
        "a coding without a system",
        "another system",
        "two codings",
        "an identifier",
        "a plain code",
        "a phone",
    },
    "http://a|x": {"a coding", "two codings", "an identifier"},
    "|x": {"a coding without a system", "a plain code", "a phone"},
    "http://a|": {"a coding", "a coding without a code", "another case", "two codings", "an identifier"},
}


@pytest.mark.parametrize("form", FINDS)
@pytest.mark.parametrize("case", STORED)
def test_each_form_finds_what_has_its_system_and_code_by_hash_as_by_element(form, case):
    datatype, node = STORED[case]
    wanted = token.asked(tuple(form.split("|")))
    entries = list(token.READ[datatype](node))
    stored = {one for entry in entries for one in token.stored_tokens("T.p", *entry)}

    assert any(token.matches(wanted, entry) for entry in entries) is (case in FINDS[form])
    assert (token.asked_token("T.p", wanted) in stored) is (case in FINDS[form])


@pytest.mark.parametrize("parts", [("",), ("", ""), ("a", "b", "c")])
def test_what_asks_for_nothing_is_refused(parts):
    with pytest.raises(ValueError, match="is no token"):
        token.asked(parts)


def test_a_boolean_is_asked_as_true_or_false():
    assert list(token.READ["boolean"](False)) == [("", "false")]


def test_tokens_of_different_parameters_differ():
    assert not set(token.stored_tokens("A.p", "s", "c")) & set(token.stored_tokens("A.q", "s", "c"))


def parameter(type: str, code: str) -> Parameter:
    return served(type)[code]


@pytest.mark.parametrize(
    ("stored", "asked", "found"),
    [
        ("+1 (555) 123-4567", "15551234567", True),
        ("+1 (555) 123-4567", "+1.555.123.4567", True),
        ("+1 (555) 123-4567", "5551234567", False),
        ("Eve@Example.org", "eve@example.ORG", True),
        ("eve @example.org", "eve@example.org", True),
        ("555-1234 ext 7", "5551234ext7", False),
        ("---", "---", True),
        ("---", "--", False),
    ],
)
def test_contact_details_are_compared_without_case_and_telephone_numbers_by_their_digits(
    stored, asked, found
):
    telecom = parameter("Patient", "telecom")
    value = Value(telecom, "", asked, (), Reading(datetime.now(UTC), ""))
    row = index("Patient", {"telecom": [{"system": "other", "value": stored}]})
    condition = Condition(telecom, "", (token.wanted(value),))

    assert token.meets(condition, {"value": stored}, "ContactPoint", "") is found
    assert (token.asked_token(telecom.prefix, condition.asked[0]) in row.tokens) is found


def test_contact_details_are_one_token_each_whatever_their_use():
    row = index("Practitioner", {"telecom": [{"system": "phone", "value": "5", "use": "work"}]})

    assert len(row.tokens) == 4  # `telecom` and `phone`, each with its value and that it is there


def test_a_text_that_a_code_has_twice_is_one_token_and_one_entry_of_the_dictionary():
    row = index(
        "Observation",
        {"code": {"text": "Heart rate", "coding": [{"display": "HEART RATE"}, {"display": "!"}]}},
    )

    assert [(text.param, text.folded) for text in row.texts] == [
        (parameter("Observation", "code").number, "heart rate")
    ]
    assert row.texts[0].token in row.tokens


def test_a_bar_in_a_code_system_does_not_end_it():
    row = index("Observation", {"code": {"coding": [{"system": "http://x|1", "code": "a|b"}]}})
    (wanted,) = (token.asked_in(r"http://x\|1|a\|b"),)

    assert row.codings == ("http://x%7C1|a|b",)
    assert token.code_sets([wanted]).params == ("a|b", "http://x%7C1")


def test_a_question_that_nobody_answered_fails_closed():
    code = parameter("Observation", "code")
    question = Condition(code, "not-in", (concept.in_value_set("http://vs"),))

    with pytest.raises(InvalidSearch, match="No terminology service is asked about value set http://vs"):
        token.predicate(question)
    with pytest.raises(InvalidSearch, match="No terminology service is asked"):
        token.meets(question, {}, "CodeableConcept", "")
