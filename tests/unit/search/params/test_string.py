"""Strings: https://hl7.org/fhir/R4/search.html#string."""

import pytest

from fhir_server.search.params import string


@pytest.mark.parametrize(
    ("stored", "mode", "asked", "found"),
    [
        ("Eve", "starts", "eve", True),
        ("Evelyn", "starts", "eve", True),
        ("Severine", "starts", "eve", False),
        ("Severine", "contains", "eve", True),
        ("Ève", "starts", "Eve", True),
        ("Eve", "starts", "è", True),
        ("STRASSE", "starts", "straße", True),
        ("O'Brien", "starts", "obrien", True),
        ("Smith-Jones", "starts", "smithjones", True),
        ("van  der\tBerg", "starts", "van der b", True),
        ("ﬁnn", "starts", "fi", True),
        ("Eve", "exact", "Eve", True),
        ("Eve", "exact", "eve", False),
        ("Evelyn", "exact", "Eve", False),
        ("王小明", "starts", "王", True),
        ("50%", "starts", "50%", True),
        ("5x0", "contains", "5_0", False),
    ],
)
def test_a_string_is_found_without_case_accents_and_punctuation_unless_exact(stored, mode, asked, found):
    assert string.matches(string.asked(asked, mode), stored) is found


def test_folding_what_is_folded_changes_nothing():
    for text in ("Ève  O'Brien", "ẞtraße", "İstanbul", "ﬁ", "한국어", "Ω"):
        assert string.normalize(string.normalize(text)) == string.normalize(text)


@pytest.mark.parametrize("text", ["", "...", "  ", "\U0010ffff"])
def test_a_text_of_which_folding_leaves_nothing_is_refused(text):
    with pytest.raises(ValueError, match="no letter or digit"):
        string.asked(text, "starts")


def test_every_part_of_a_name_is_found():
    name = {
        "text": "Dr Eve Ada Li",
        "family": "Li",
        "given": ["Eve", None, "Ada"],
        "prefix": ["Dr"],
        "use": "usual",
    }

    assert list(string.READ["HumanName"](name)) == ["Dr Eve Ada Li", "Li", "Eve", "Ada", "Dr"]
