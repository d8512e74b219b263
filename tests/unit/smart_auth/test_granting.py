"""Which scopes are granted, without a server."""

import pytest

from smart_auth.granting import granted, narrower
from smart_auth.person import Person
from tests.unit.smart_auth.memory import CLARA, Resources

PATIENT = Person("anna", "patient", "Patient/p1")
AUDITOR = Person("otto", "practitioner", "Practitioner/otto", auditor=True)


def given(asked, registered, person=CLARA):
    return " ".join(granted(asked.split(), registered.split(), Resources(), person))


@pytest.mark.item("smart-S1")
@pytest.mark.parametrize(
    "scope",
    [
        "patient/Observation.dus",
        "patient/Observation.rr",
        "patient/Observation.sr",
        "patient/Observation.",
        "patient/Observation",
        "patient/Observation.read?category=laboratory",
        "patient/Observation.readwrite",
        "patient/Observation.R",
        "patient/observation.rs",
        "patient/Observations.rs",
        "patient/Nonsense.rs",
        "patients/Observation.rs",
        "patient/*.rs?",
        "patient/Observation.rs?category",
        "patient/Observation.rs?category=",
        "launch/practitioner",
        "launch/location?role=x",
        "everything",
        "constructor",
        "__x",
    ],
)
def test_what_is_no_scope_grants_nothing(scope):
    assert given(f"openid {scope}", "openid patient/*.cruds user/*.cruds launch/patient") == "openid"
    if scope.startswith(("patient/", "user/", "system/")):
        assert given(f"openid {scope}", f"openid {scope}") == "openid"


@pytest.mark.item("smart-S2")
@pytest.mark.parametrize(
    ("asked", "registered", "given_"),
    [
        ("patient/*.read", "patient/*.rs", "patient/*.read"),
        ("patient/*.write", "patient/*.cruds", "patient/*.write"),
        ("patient/*.*", "patient/*.cruds", "patient/*.*"),
        ("patient/*.*", "patient/*.rs", "patient/*.read"),
        ("patient/*.*", "patient/*.cud", "patient/*.write"),
        ("patient/*.*", "patient/*.crs", "patient/*.crs"),
        ("patient/*.rs", "patient/*.read", "patient/*.rs"),
        (
            "patient/Patient.read patient/Observation.rs",
            "patient/*.rs",
            "patient/Patient.read patient/Observation.rs",
        ),
    ],
)
def test_scopes_are_granted_in_the_version_they_were_asked_for_in(asked, registered, given_):
    assert given(asked, registered) == given_


@pytest.mark.item("smart-S4")
def test_permissions_that_were_registered_apart_count_together():
    assert given("patient/Patient.rs", "patient/Patient.r patient/Patient.s") == "patient/Patient.rs"
    assert (
        given("patient/Patient.r patient/Patient.s", "patient/Patient.rs")
        == "patient/Patient.r patient/Patient.s"
    )


@pytest.mark.item("smart-S5")
@pytest.mark.parametrize(
    ("asked", "registered", "given_"),
    [
        (
            "patient/Observation.rs?category=laboratory",
            "patient/*.rs",
            "patient/Observation.rs?category=laboratory",
        ),
        (
            "patient/Observation.rs",
            "patient/Observation.rs?category=laboratory",
            "patient/Observation.rs?category=laboratory",
        ),
        (
            "patient/Observation.rs?code=1",
            "patient/Observation.rs?category=laboratory",
            "patient/Observation.rs?code=1&category=laboratory",
        ),
        (
            "patient/Observation.rs",
            "patient/Observation.rs?category=http%3A%2F%2Fx%7Ca patient/Observation.r?category=b",
            "patient/Observation.rs?category=http://x|a patient/Observation.r?category=b",
        ),
        (
            "patient/Observation.rs?category=a patient/Observation.rs?category=b",
            "patient/Observation.rs",
            "patient/Observation.rs?category=a patient/Observation.rs?category=b",
        ),
    ],
)
def test_filters_narrow_and_never_widen(asked, registered, given_):
    assert given(asked, registered) == given_


@pytest.mark.item("smart-S5")
@pytest.mark.item("smart-S6")
@pytest.mark.parametrize(
    "filter",
    ["status=final", "category:not=a", "category:missing=true", "subject:Patient.name=x", "_filter=x"],
)
def test_a_filter_that_is_not_understood_grants_nothing(filter):
    assert given(f"patient/Observation.rs?{filter}", "patient/*.rs") == ""
    assert given("patient/*.rs?category=a", "patient/*.rs") == ""


@pytest.mark.item("smart-S7")
@pytest.mark.parametrize(
    ("asked", "registered", "person", "given_"),
    [
        ("patient/*.rs openid", "openid", CLARA, "openid"),
        (
            "patient/*.rs",
            "patient/Patient.rs patient/Observation.r",
            CLARA,
            "patient/Patient.rs patient/Observation.r",
        ),
        (
            "user/*.cruds patient/*.cruds",
            "user/*.cruds patient/*.cruds",
            PATIENT,
            "user/*.rs patient/*.cruds",
        ),
        ("user/Observation.c", "user/*.cruds", PATIENT, ""),
        ("user/AuditEvent.rs", "user/*.rs", CLARA, ""),
        ("user/AuditEvent.rs", "user/*.rs", AUDITOR, "user/AuditEvent.rs"),
        ("offline_access fhirUser", "openid fhirUser", CLARA, "fhirUser"),
        ("system/*.rs", "system/*.rs", CLARA, ""),
    ],
)
def test_nothing_is_granted_beyond_the_registration_and_the_person_s_own_rights(
    asked, registered, person, given_
):
    assert given(asked, registered, person) == given_


def test_narrower_scopes_are_within_those_that_are_held():
    held = ("patient/*.rs", "openid")
    assert narrower(["patient/Patient.r"], held, Resources()) == ("patient/Patient.r",)
    assert narrower(["patient/Patient.read", "openid"], held, Resources()) == (
        "patient/Patient.read",
        "openid",
    )
    assert narrower(["patient/Patient.cr"], held, Resources()) is None
    assert narrower(["offline_access"], held, Resources()) is None
