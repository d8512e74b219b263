"""What a resource is found by."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.search.index import index
from fhir_server.search.params import hashes, quantity, reference, token
from fhir_server.store.tables import WIDE

HEART_RATE = {
    "resourceType": "Observation",
    "status": "final",
    "code": {
        "coding": [{"system": "http://loinc.org", "code": "8867-4"}, {"system": "urn:mdc", "code": "149530"}]
    },
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-01-02T03:04:05.678Z",
    "valueQuantity": {"value": Decimal("72.0"), "system": "http://unitsofmeasure.org", "code": "/min"},
}


def asked(code: str, text: str) -> int:
    return token.asked_token(f"Observation.{code}", token.asked(tuple(text.split("|"))))


def test_what_device_data_is_asked_by_has_columns_of_its_own():
    row = index("Observation", HEART_RATE)

    assert row.patient == "p1"
    assert row.codings == ("http://loinc.org|8867-4", "urn:mdc|149530")
    assert row.date == (
        datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 679_000, tzinfo=UTC),
    )
    assert row.value == (
        Decimal("72.0"),
        Decimal("72.0"),
        quantity.unit("http://unitsofmeasure.org", "/min", ""),
    )
    assert (row.dates, row.numbers, row.strings) == ((), (), ())


def test_codes_are_a_set_of_codings_and_no_tokens():
    row = index("Observation", HEART_RATE)

    assert "http://loinc.org|8867-4" in row.codings
    for text in ("8867-4", "http://loinc.org|8867-4", "urn:mdc|"):
        assert asked("code", text) not in row.tokens


def test_a_plain_code_is_one_token_for_each_way_to_ask_for_it():
    tokens = index("Observation", HEART_RATE).tokens

    assert token.asked_token("Observation.status", token.Asked(None, "final")) in tokens
    assert token.asked_token("Observation.status", token.Asked("", "final")) not in tokens


def test_what_is_in_a_column_is_not_repeated_in_tokens():
    tokens = index("Observation", HEART_RATE).tokens

    assert reference.token("Observation.subject", "Patient/p1") not in tokens
    assert hashes.present("Observation.subject") not in tokens


def test_a_subject_that_is_no_patient_goes_to_the_tokens():
    row = index("Observation", HEART_RATE | {"subject": {"reference": "Device/d1"}})

    assert row.patient is None
    assert reference.token("Observation.subject", "Device/d1") in row.tokens
    assert hashes.present("Observation.subject") in row.tokens
    assert hashes.present("Observation.patient") not in row.tokens


def test_a_patient_under_our_own_address_is_our_patient_and_under_another_is_not():
    own = index(
        "Observation",
        HEART_RATE | {"subject": {"reference": "http://us/fhir/Patient/p1"}},
        base_url="http://us/fhir",
    )
    other = index(
        "Observation",
        HEART_RATE | {"subject": {"reference": "http://them/fhir/Patient/p1"}},
        base_url="http://us/fhir",
    )

    assert own.patient == "p1"
    assert other.patient is None
    assert reference.token("Observation.patient", "http://them/fhir/Patient/p1") in other.tokens


def test_a_versioned_patient_is_found_with_and_without_the_version():
    row = index("Observation", HEART_RATE | {"subject": {"reference": "Patient/p1/_history/3"}})

    assert row.patient == "p1"
    assert reference.token("Observation.subject", "Patient/p1/_history/3") in row.tokens


def test_a_logical_reference_is_found_by_its_identifier():
    row = index("Observation", HEART_RATE | {"subject": {"identifier": {"system": "urn:mrn", "value": "7"}}})

    assert token.asked_token("Observation.subject:identifier", token.Asked("urn:mrn", "7")) in row.tokens


def test_only_a_date_longer_than_a_day_is_wide():
    for element, wide in [
        ({"effectiveDateTime": "2026-01-02"}, False),
        ({"effectiveDateTime": "2026-01"}, True),
        ({"effectivePeriod": {"start": "2026-01-02T00:00:00Z", "end": "2026-01-02T12:00:00Z"}}, False),
        ({"effectivePeriod": {"start": "2026-01-02"}}, True),
    ]:
        resource = {
            name: value for name, value in HEART_RATE.items() if name != "effectiveDateTime"
        } | element
        assert (WIDE in index("Observation", resource).tokens) is wide


def test_components_are_found_by_code_and_quantity():
    component = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "valueQuantity": {"value": 120, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }
    row = index("Observation", HEART_RATE | {"component": [component]})

    assert asked("component-code", "8480-6") in row.tokens
    assert [(n.param, n.lo) for n in row.numbers] == [
        (hashes.number("Observation.component-value-quantity"), 120)
    ]


def test_a_patient_is_found_by_every_part_of_the_name_and_by_contact_of_each_kind():
    row = index(
        "Patient",
        {
            "resourceType": "Patient",
            "name": [{"family": "Müller", "given": ["Éva"]}],
            "telecom": [{"system": "email", "value": "e@x"}, {"system": "phone", "value": "1"}],
            "birthDate": "1970-01",
        },
    )

    folded = {(text.param, text.folded) for text in row.strings}
    assert {(hashes.number("Patient.name"), "muller"), (hashes.number("Patient.given"), "eva")} <= folded
    assert token.asked_token("Patient.email", token.Asked(None, "e@x")) in row.tokens
    assert token.asked_token("Patient.email", token.Asked(None, "1")) not in row.tokens
    assert row.date is not None
    assert row.date.hi == datetime(1970, 2, 1, tzinfo=UTC)


def test_a_patient_of_whom_no_death_is_told_is_not_deceased():
    def found(elements: dict, text: str) -> bool:
        wanted = token.asked_token("Patient.deceased", token.Asked(None, text))
        return wanted in index("Patient", {"resourceType": "Patient"} | elements).tokens

    assert found({}, "false")
    assert found({"deceasedBoolean": False}, "false")
    assert found({"deceasedBoolean": True}, "true")
    assert found({"deceasedDateTime": "2020"}, "true")
    assert not found({"deceasedDateTime": "2020"}, "false")


def test_what_meta_says_is_found_for_every_type():
    row = index(
        "Basic",
        {"resourceType": "Basic", "meta": {"profile": ["http://p"], "tag": [{"system": "s", "code": "t"}]}},
    )

    assert hashes.token("Basic._profile", "u", "http://p") in row.tokens
    assert token.asked_token("Basic._tag", token.Asked("s", "t")) in row.tokens


def test_more_codings_than_can_be_found_are_refused_and_not_left_out():
    codings = [{"system": "http://loinc.org", "code": f"{n}" * 50} for n in range(40)]

    with pytest.raises(Unprocessable, match=r"Observation\.code"):
        index("Observation", HEART_RATE | {"code": {"coding": codings}})


def test_a_resource_is_found_by_the_same_whether_its_parts_were_met_before_or_not():
    def observation(code, patient):
        coding = {"system": "http://loinc.org", "code": code}
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [coding]},
            "subject": {"reference": f"Patient/{patient}"},
            "component": [{"code": {"coding": [coding]}, "valueInteger": 1}],
        }

    first = index("Observation", observation("8867-4", "p1"))
    other = index("Observation", observation("9279-1", "p2"))
    assert index("Observation", observation("8867-4", "p1")) == first
    assert (other.patient, other.codings) == ("p2", ("http://loinc.org|9279-1",))
    assert not set(first.tokens) >= set(other.tokens)


def test_a_reference_under_one_base_is_not_taken_for_the_same_text_under_another():
    tree = {"resourceType": "Observation", "subject": {"reference": "https://a.example/fhir/Patient/p1"}}
    assert index("Observation", tree, base_url="https://a.example/fhir").patient == "p1"
    assert index("Observation", tree, base_url="https://b.example/fhir").patient is None
