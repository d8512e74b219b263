"""Who may see what; whoever is not let in sees nothing."""

import pytest

from fhir_server.errors import Forbidden
from fhir_server.search.access import predicate
from fhir_server.store.predicate import EVERYTHING
from smart_auth.principal import EVERY_SCOPE, Principal


@pytest.mark.parametrize("interaction", ["create", "read", "update", "delete", "search", "history"])
def test_a_caller_with_every_scope_sees_everything(interaction):
    assert predicate(Principal("me", EVERY_SCOPE), "Patient", interaction) == EVERYTHING


@pytest.mark.parametrize(
    ("scopes", "type", "interaction"),
    [
        ([], "Patient", "read"),
        (["system/Observation.cruds"], "Patient", "read"),
        (["system/Patient.r"], "Patient", "update"),
        (["system/Patient.r"], "Patient", "search"),
        (["system/Patient.rs"], None, "history"),
        (["patient/*.cruds"], "Patient", "read"),
        (["user/*.cruds"], "Patient", "read"),
        (["system/*.write"], "Patient", "read"),
        (["system/*.cruds?category=y"], "Patient", "read"),
        (["system/*.dr"], "Patient", "read"),
        (["system/*.cruds"], "Patient", "unheard-of"),
    ],
)
def test_what_no_scope_grants_is_forbidden(scopes, type, interaction):
    with pytest.raises(Forbidden):
        predicate(Principal("me", frozenset(scopes)), type, interaction)


def test_a_scope_of_one_type_grants_that_type():
    assert predicate(Principal("me", frozenset({"system/Patient.rs"})), "Patient", "search") == EVERYTHING
