"""Which names of a query's parameters the audit keeps."""

import pytest

from fhir_server.rest.parameter_names import UNKNOWN, kept


@pytest.mark.parametrize(
    "name",
    [
        "code",
        "code-value-quantity",
        "given:exact",
        "subject:Patient.name:contains",
        "subject.organization.name",
        "_has:Observation:patient:code",
        "_has:Observation:patient:_has:AuditEvent:entity:agent",
        "_include:iterate",
        "_sort",
        "_count",
        "_cursor",
        "_format",
        "max",
        "start",
    ],
)
def test_a_name_made_of_words_of_fhir_is_kept(name):
    assert kept([name]) == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "Smith",
        "name.Smith",
        "name:Smith",
        "Doe, John",
        "1980-01-01",
        "",
        "code.",
        ":exact",
        "patient." * 40 + "name",
    ],
)
def test_any_other_is_not_as_it_may_be_a_value_that_went_astray(name):
    assert kept([name]) == (UNKNOWN,)


def test_what_an_interaction_takes_beside_is_kept_and_each_name_once():
    assert kept(["_before", "code", "_before", "Smith", "Doe"], frozenset({"_before"})) == (
        "_before",
        "code",
        UNKNOWN,
    )
