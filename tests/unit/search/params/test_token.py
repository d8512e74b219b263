"""Tokens in their four forms: https://hl7.org/fhir/R4/search.html#token."""

import pytest

from fhir_server.search.params import token

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
    "|x": {"a coding without a system", "a plain code"},
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
