"""Who may see what; whoever is not let in sees nothing."""

import pytest

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden
from fhir_server.search.access import (
    Confined,
    by_itself,
    caller,
    may_choose_ids,
    opens_by_naming,
    predicate,
    refuse_ids_of_ingest,
)
from fhir_server.store.predicate import EVERYTHING
from smart_auth.principal import EVERY_SCOPE, CareOf, Everything, Patients, Principal

VITALS = "category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"


def patient_app(*scopes: str) -> Principal:
    return Principal("app", frozenset(scopes), user="u", patient="a")


def user_app(*scopes: str, reach=None, **more) -> Principal:
    return Principal("app", frozenset(scopes), reach=reach, **more)


@pytest.mark.parametrize("interaction", ["create", "read", "update", "delete", "search", "history"])
def test_a_caller_with_every_scope_sees_everything(interaction):
    assert predicate(Principal("me", EVERY_SCOPE), "Patient", interaction) == EVERYTHING


@pytest.mark.parametrize(
    ("principal", "type", "interaction"),
    [
        (user_app(), "Patient", "read"),
        (user_app("openid"), "Patient", "read"),
        (user_app("openid", "profile", "launch/patient", "nonsense"), None, "history"),
        (user_app("system/Observation.cruds"), "Patient", "read"),
        (user_app("system/Patient.r"), "Patient", "update"),
        (user_app("system/Patient.r"), "Patient", "search"),
        (user_app("system/Patient.r"), None, "history"),
        (user_app("patient/*.cruds"), "Patient", "read"),
        (user_app("user/*.cruds"), "Patient", "read"),
        (user_app("system/*.write"), "Patient", "read"),
        (user_app("system/*.dr"), "Patient", "read"),
        (user_app("system/*.cruds"), "Patient", "unheard-of"),
        (user_app("system/*.cruds"), "AuditEvent", "read"),
        (user_app("system/AuditEvent.rs"), "AuditEvent", "read"),
        (user_app("system/AuditEvent.rs?action=R", auditor=True), "AuditEvent", "read"),
        (user_app("user/AuditEvent.rs?type=rest", reach=Everything(), auditor=True), "AuditEvent", "search"),
        (patient_app("patient/*.cruds"), "AuditEvent", "read"),
        (patient_app("patient/*.cruds"), "Group", "read"),
        (patient_app("patient/*.cruds"), "Person", "search"),
        (patient_app("patient/*.cruds"), "ValueSet", "read"),
        (patient_app("patient/*.cruds"), "Practitioner", "create"),
        (patient_app("patient/*.cruds"), "Medication", "update"),
        (patient_app("patient/*.cruds"), None, "administer"),
    ],
)
def test_what_no_scope_grants_is_forbidden_whatever_is_stored(principal, type, interaction):
    with pytest.raises(Forbidden):
        predicate(principal, type, interaction)


@pytest.mark.item("smart-1.9-errors")
@pytest.mark.parametrize(
    ("principal", "type", "interaction", "named"),
    [
        (Principal("app", frozenset(), client="c"), "Patient", "read", "system/Patient.r"),
        (Principal("app", frozenset({"system/Patient.r"}), client="c"), None, "history", "system/*.s"),
        (user_app(user="u"), "Observation", "create", "user/Observation.c"),
        (patient_app("patient/Observation.rs"), "Condition", "search", "patient/Condition.s"),
        (patient_app("patient/*.rs"), "Group", "read", None),
        (patient_app("patient/*.rs"), "AuditEvent", "read", None),
        (user_app("user/*.rs", user="u"), "Patient", "read", None),
    ],
)
def test_a_scope_that_is_missing_is_named_where_one_would_do(principal, type, interaction, named):
    with pytest.raises(Forbidden) as refusal:
        predicate(principal, type, interaction)
    assert getattr(refusal.value, "scope", None) == named


@pytest.mark.item("leak-14")
@pytest.mark.parametrize(
    "filter",
    [
        "unheard-of=x", "date=ge2020", "value-quantity=5", "code-value-quantity=a$5", "category=a,", "category=%7C",
        "_lastUpdated=2020", "_filter=x", "_list=1", "_text=x", "category=a&unheard-of=x", "combo-code=%00", "subject=a|b",
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_asked_grants_nothing(filter):
    with pytest.raises(Forbidden):
        predicate(user_app(f"system/Observation.rs?{filter}"), "Observation", "read")


def test_a_filter_that_the_type_does_not_have_grants_nothing_of_it():
    principal = patient_app(f"patient/*.rs?{VITALS}")

    assert predicate(principal, "Observation", "read")
    with pytest.raises(Forbidden):
        predicate(principal, "Patient", "read")


def test_a_scope_of_one_type_grants_that_type():
    assert predicate(user_app("system/Patient.rs"), "Patient", "search") == EVERYTHING


def test_the_history_of_all_is_that_of_the_types_granted():
    found = predicate(user_app("system/Patient.rs"), None, "history")

    assert found.sql == "r.type = ANY(%s::smallint[])"
    assert found.params == ([RESOURCE_TYPES["Patient"]],)


def test_searches_of_all_types_push_nobodys_conditions_of_single_types_out_of_memory():
    mine = predicate(patient_app("patient/*.rs"), "Condition", "search")

    for number in range(120):  # as many as there is room for, if each took a place for every type
        predicate(Principal("app", frozenset({"patient/*.rs"}), patient=f"p{number}"), None, "search")

    assert predicate(patient_app("patient/*.rs"), "Condition", "search") is mine


def test_the_history_of_all_shows_no_audit_to_those_who_do_not_audit():
    found = predicate(user_app("system/*.rs"), None, "history")

    assert RESOURCE_TYPES["AuditEvent"] not in found.params[0]
    shown = predicate(user_app("system/*.rs", auditor=True), None, "history")
    assert shown.params == (RESOURCE_TYPES["Subscription"], "|app")


def test_several_scopes_grant_what_any_of_them_does():
    both = predicate(
        patient_app(f"patient/Observation.rs?{VITALS}", "patient/Observation.rs?code=c"),
        "Observation",
        "read",
    )

    assert " OR " in both.sql
    assert predicate(user_app(f"system/*.rs?{VITALS}", "system/*.rs"), "Observation", "read") == EVERYTHING


def test_what_is_about_one_patient_is_found_by_the_index_of_patients():
    found = predicate(patient_app("patient/*.rs"), "Observation", "search")

    assert isinstance(found, Confined)
    assert found.patients == {"a"}
    assert isinstance(
        predicate(user_app("user/*.rs", reach=Patients(frozenset("ab"))), "Goal", "read"), Confined
    )
    assert not isinstance(predicate(patient_app("patient/*.rs"), "Device", "search"), Confined)
    launched = predicate(user_app("patient/*.rs", patient="a", reach=CareOf("p")), "Goal", "search")
    assert isinstance(launched, Confined)
    assert launched.patients == {"a"}


def test_a_user_who_looks_after_everyone_sees_everything_and_is_not_let_by_a_patients_scope():
    principal = user_app("user/*.rs", reach=Everything())

    assert predicate(principal, "Group", "read") == EVERYTHING
    with pytest.raises(Forbidden):
        predicate(principal, "Group", "create")


def test_the_person_who_logged_in_is_read_and_no_more():
    principal = user_app("openid", "fhirUser", fhir_user="http://x/fhir/Practitioner/p")

    assert predicate(principal, "Practitioner", "read").params == ("p",)
    for type, interaction in (("Practitioner", "search"), ("Patient", "read"), ("Practitioner", "update")):
        with pytest.raises(Forbidden):
            predicate(principal, type, interaction)


def test_a_practitioner_with_patients_of_their_own_reads_the_directory_and_does_not_write_it():
    principal = user_app("user/*.cruds", reach=CareOf("p", frozenset({"o"})))

    assert predicate(principal, "Organization", "search") == EVERYTHING
    assert predicate(principal, "Observation", "search") != EVERYTHING
    for type, interaction in (("Organization", "update"), ("Group", "read")):
        with pytest.raises(Forbidden):
            predicate(principal, type, interaction)


def test_those_who_act_for_a_person_choose_no_ids():
    assert may_choose_ids(user_app("system/*.cruds"), "Observation")
    assert not may_choose_ids(user_app("user/*.cruds", reach=Everything()), "Observation")
    assert not may_choose_ids(patient_app("patient/*.cruds"), "Observation")


def test_whoever_reaches_few_records_opens_something_by_naming_it():
    assert opens_by_naming(patient_app("patient/*.c"), "Observation", "create")
    assert not opens_by_naming(user_app("user/*.c", reach=Everything()), "Observation", "create")
    assert not opens_by_naming(user_app(f"system/*.c?{VITALS}"), "Observation", "create")
    assert by_itself(patient_app("patient/*.c"), "Practitioner").sql == "FALSE"
    assert by_itself(patient_app("patient/*.c"), "Device").sql.startswith("r.patient = ")


def test_ids_of_readings_are_those_of_ingest_and_of_administrators():
    reading, plain = "0198c2e4-9a2b-8abc-9def-0123456789ab", "0198c2e4-9a2b-7abc-9def-0123456789ab"

    refuse_ids_of_ingest(user_app("system/*.cruds"), plain)
    refuse_ids_of_ingest(user_app("system/*.cruds", administrator=True), reading)
    with pytest.raises(Forbidden):
        refuse_ids_of_ingest(user_app("system/*.cruds"), reading)


def test_pages_are_of_one_caller_with_the_same_scopes_for_the_same_patient():
    callers = [
        patient_app("patient/*.rs"), patient_app("patient/*.r"), user_app("patient/*.rs"),
        Principal("other", frozenset({"patient/*.rs"}), patient="a"),
        user_app("patient/*.rs", reach=Patients(frozenset("a"))), user_app("patient/*.rs", reach=Everything()),
        user_app("patient/*.rs", reach=CareOf("a")),
    ]  # fmt: skip

    assert len({caller(one) for one in callers}) == len(callers)
    assert caller(patient_app("patient/*.rs")) == caller(patient_app("patient/*.rs"))
