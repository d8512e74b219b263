"""Which texts grant what: requirements S1 to S4 and S6 of SMART App Launch 2.2."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_auth.scopes import Scope, scope


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        ("patient/Observation.rs", Scope("patient", "Observation", "rs")),
        ("user/*.cruds", Scope("user", "*", "cruds")),
        ("system/Patient.c", Scope("system", "Patient", "c")),
        ("system/Patient.read", Scope("system", "Patient", "rs")),
        ("system/Patient.write", Scope("system", "Patient", "cud")),
        ("system/*.*", Scope("system", "*", "cruds")),
        (
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            Scope(
                "patient",
                "Observation",
                "rs",
                (("category", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),),
            ),
        ),
        (
            "patient/Condition.r?category=a%7Cb&clinical-status=active",
            Scope("patient", "Condition", "r", (("category", "a|b"), ("clinical-status", "active"))),
        ),
    ],
)
def test_smart_s1_s2_a_scope_on_resources_is_read_in_both_versions(text, granted):
    assert scope(text) == granted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "openid",
        "launch/patient",
        "patient/Observation.",
        "patient/Observation",
        "patient/Observation.dus",
        "patient/Observation.rr",
        "patient/Observation.sr",
        "patient/Observation.reads",
        "patient/Observation.R",
        "patient/observation.rs",
        "patient/.rs",
        "patient/Obs*.rs",
        "practitioner/Observation.rs",
        "patient/Observation.rs ",
        "patient/Observation.rs\n",
        "patient/Observation.read?category=a",
        "patient/Observation.*?category=a",
        "patient/Observation.rs?",
        "patient/Observation.rs?category",
        "patient/Observation.rs?category=",
        "patient/Observation.rs?=a",
        "patient/Observation.rs?category=a&",
        "patient/Observation.rs?category=a=b",
        "patient/Observation.rs?category=%FF",
        "patient/Observation.rs?category=a%ED%A0%80",
        "patient/Observation.rs?category:not=a",
        "patient/Observation.rs?subject.name=a",
        "patient/Observation.?category=a",
    ],
)
def test_smart_s1_s6_a_text_that_is_not_wholly_a_scope_grants_nothing(text):
    assert scope(text) is None


_LETTERS = st.lists(st.sampled_from("cruds"), min_size=1, max_size=6).map("".join)
_IN_ORDER = {"".join(found) for size in range(1, 6) for found in itertools.combinations("cruds", size)}


@given(_LETTERS)
def test_smart_s1_letters_count_in_their_order_and_once(letters):
    found = scope(f"system/Patient.{letters}")
    assert (found.permissions if found else None) == (letters if letters in _IN_ORDER else None)


@pytest.mark.parametrize("permission", "cruds")
def test_smart_s3_write_of_version_1_does_not_imply_reading(permission):
    found = scope("system/Patient.write")
    assert found is not None
    assert found.grants("Patient", permission) == (permission in "cud")


def test_a_scope_of_one_type_grants_nothing_on_another():
    found = scope("system/Patient.cruds")
    assert found is not None
    assert found.grants("Patient", "cruds")
    assert not found.grants("Observation", "r")
    assert not found.grants("*", "r")
