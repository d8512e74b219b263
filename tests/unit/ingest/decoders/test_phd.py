"""Observations of the Personal Health Device guide: what becomes of each, and what is refused by name."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fhir_server.validation.structure import check
from ingest.decoders.phd import decode
from ingest.decoders.phd_bundle import phd_batch
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.personal_health_observation import map_personal_health
from mappers.profile import device_profile
from mappers.reading import Reading
from tests.data.real_input import FOLDER, needs_real_input

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MDC = "urn:iso:std:iso:11073:10101"
UCUM = "http://unitsofmeasure.org"
OXIMETER = "phd-74E8FFFEFF051C00.001C05FFE874"
GATEWAY = "phg-ecde3d4e58532d31.000000000000"


def device(type="pulse-oximeter", name=OXIMETER):
    return Device(1, "d1", name, type, False, (), (), NOW)


def coded(code, display=None, *more):
    mdc = {"system": MDC, "code": code} | ({"display": display} if display else {})
    return {"coding": [mdc, *more]}


def quantity(value, code="%"):
    return {"value": value, "unit": code, "system": UCUM, "code": code}


def observation(code="150456", value=97, unit="%", **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": coded(code),
        "subject": {"reference": "Patient/p1"},
        "device": {"reference": f"Device/{OXIMETER}"},
        "effectiveDateTime": "2026-03-01T11:59:00+01:00",
        "valueQuantity": quantity(value, unit),
    } | more


def without(tree, *names):
    return {name: value for name, value in tree.items() if name not in names}


def outcome(tree, type="pulse-oximeter", name=OXIMETER, patient="p1"):
    """The resources, or the issues as (code, element)."""
    decoded = decode(tree, device(type, name), NOW)
    if not isinstance(decoded, Reading):
        return [(each.code, each.element) for each in decoded]
    result = map_personal_health(decoded, MappingContext(patient, "d1", device_profile(type), b"k" * 32))
    if isinstance(result, Mapped):
        return list(result.resources)
    paths = decoded.paths or {}
    return [(each.code, paths.get(each.element, each.element)) for each in result.issues]


def of_file(name, type, device_name=OXIMETER):
    batch = phd_batch((FOLDER / "phd" / f"{name}.json").read_bytes(), 1000)
    return [outcome(each, type, device_name, "patientExample-1") for each in batch.items]


@needs_real_input
def test_a_blood_pressure_of_the_guide_becomes_the_panel_with_its_three_pressures():
    ((panel,),) = of_file(
        "compound-numeric-blood-pressure", "blood-pressure", "phd-711000FEFF5F49B0.B0495F001071"
    )

    assert panel["meta"]["profile"] == ["http://hl7.org/fhir/StructureDefinition/bp"]
    assert [each["code"]["coding"][0]["code"] for each in panel["component"]] == [
        "8480-6",
        "8462-4",
        "8478-0",
    ]
    assert [each["valueQuantity"]["value"] for each in panel["component"]] == [116, 71, 86]
    assert panel["performer"] == [{"reference": "Patient/patientExample-1"}]
    assert panel["effectiveDateTime"] == "2018-11-11T11:38:15-05:00"


@needs_real_input
def test_a_temperature_of_the_guide_keeps_its_accuracy_as_notes():
    ((temperature,),) = of_file("temperature-observation", "thermometer")

    assert [each["code"] for each in temperature["code"]["coding"]] == ["8310-5", "150364"]
    assert temperature["valueQuantity"] == quantity(Decimal("36.5"), "Cel") | {"unit": "°C"}
    assert [each["text"] for each in temperature["note"]][1:] == [
        "Confidence95: 36.3 Cel to 36.7 Cel",
        "Accuracy: 0.1 Cel",
    ]


@needs_real_input
def test_an_alarm_of_the_guide_is_the_interpretation_and_tells_spot_from_other_averages():
    ((saturation,),) = of_file("numeric-spo2-alarm", "pulse-oximeter")

    assert [each["code"] for each in saturation["code"]["coding"]] == ["2708-6", "59408-5", "150456"]
    assert saturation["interpretation"][0]["coding"][0]["code"] == "in-alarm"
    assert saturation["identifier"][0]["value"].endswith("_150588")
    assert saturation["identifier"][1]["system"].endswith("PhdBaseObservation")
    assert saturation["extension"][0]["valueReference"]["identifier"] == {"value": GATEWAY}
    assert any("Alerting when SpO2 < 80%" in each["text"] for each in saturation["note"])


@needs_real_input
def test_a_sample_array_of_the_guide_is_sampled_data_as_it_was_sent():
    ((wave,),) = of_file("rtsa-example", "pulse-oximeter", "phd-00601900010E9234.F45EABA80832")

    assert wave["code"]["coding"][-1]["display"] == "MDC_PULS_OXIM_PLETH"
    assert wave["valueSampledData"] == {
        "origin": {"value": Decimal("-3.4"), "unit": "1", "system": UCUM, "code": "1"},
        "period": Decimal("2.000"),
        "factor": Decimal("3.0"),
        "dimensions": 1,
        "data": "123 110 97 99 112 118",
    }


@needs_real_input
def test_a_value_of_the_guide_that_is_no_number_has_its_reason_and_no_value():
    ((quality,),) = of_file("numeric-observation-not-a-number", "pulse-oximeter")

    assert quality["dataAbsentReason"]["coding"][0]["code"] == "not-a-number"
    assert quality["code"]["coding"] == [{"system": MDC, "code": "150320", "display": "MDC_SAT_O2_QUAL"}]
    assert quality["category"][0]["coding"][0]["code"] == "technical"
    assert not [name for name in quality if name.startswith("value")]


@needs_real_input
def test_whatever_is_made_of_the_guide_is_valid_r4():
    made = [
        resource
        for name, type, sender in (
            ("bundle-continuousnonin", "pulse-oximeter", OXIMETER),
            ("compound-numeric-blood-pressure", "blood-pressure", "phd-711000FEFF5F49B0.B0495F001071"),
            ("numeric-observation-not-a-number", "pulse-oximeter", OXIMETER),
            ("numeric-spo2-alarm", "pulse-oximeter", OXIMETER),
            ("rtsa-example", "pulse-oximeter", "phd-00601900010E9234.F45EABA80832"),
            ("temperature-observation", "thermometer", OXIMETER),
        )
        for found in of_file(name, type, sender)
        for resource in found
    ]
    for resource in made:
        check("Observation", json.dumps(resource, default=float).encode())

    assert len(made) == 52


@needs_real_input
def test_glucose_of_the_guide_in_a_plasma_of_no_known_kind_is_refused_by_name():
    assert of_file("glucose-observation", "glucose-meter") == [[("not-supported", "code.coding")]]


@needs_real_input
def test_a_stream_of_the_guide_becomes_an_observation_for_each_of_its_entries():
    made = [resource for (resource,) in of_file("bundle-continuousnonin", "pulse-oximeter")]
    codes = [each["code"]["coding"][-1]["code"] for each in made]

    assert {code: codes.count(code) for code in dict.fromkeys(codes)} == {
        "67996": 1,
        "150456": 12,
        "149530": 12,
        "150320": 12,
        "150604": 10,
    }
    saturations = [each["valueQuantity"]["value"] for each in made if "59408-5" in str(each["code"])]
    assert saturations == [Decimal("99.0"), *[Decimal("100.0")] * 11]
    assert len({each["id"] for each in made}) == 47
    bits = next(each for each in made if each["code"]["coding"][0]["code"] == "150604")
    assert [each["valueBoolean"] for each in bits["component"]] == [True, True, True]


def test_the_same_observation_is_the_same_resource():
    (first,), (second,) = outcome(observation()), outcome(observation())
    (other,) = outcome(observation(effectiveDateTime="2026-03-01T11:59:01+01:00"))

    assert first == second
    assert other["id"] != first["id"]


def test_a_pulse_that_comes_without_its_saturation_is_stored_alone():
    (pulse,) = outcome(observation("149530", 61, "/min"))

    assert pulse["valueQuantity"]["value"] == 61


def test_half_a_blood_pressure_is_refused():
    half = without(observation("150020"), "valueQuantity", "device") | {
        "component": [{"code": coded("150021"), "valueQuantity": quantity(120, "mm[Hg]")}]
    }

    assert outcome(half, "blood-pressure") == [("required", "diastolic")]


def test_a_value_under_no_code_of_mdc_is_no_further_mistake():
    code = {"coding": [{"system": "http://loinc.org", "code": "2708-6"}]}

    assert outcome(observation() | {"code": code}) == [("required", "code.coding")]


def test_a_period_is_kept_with_its_start_and_end():
    period = {"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T10:05:00Z"}
    (made,) = outcome(without(observation(), "effectiveDateTime") | {"effectivePeriod": period})

    assert made["effectivePeriod"] == period


def test_what_the_clock_of_the_device_said_is_a_note_where_the_time_stamp_came_along():
    stamp = {
        "resourceType": "Observation",
        "id": "coin-1",
        "meta": {
            "profile": ["http://hl7.org/fhir/uv/phd/StructureDefinition/PhdCoincidentTimeStampObservation"]
        },
        "status": "final",
        "code": coded("67975"),
        "subject": {"reference": f"Device/{OXIMETER}"},
        "device": {"reference": f"Device/{GATEWAY}"},
        "effectiveDateTime": "2026-03-01T11:59:10+01:00",
        "valueDateTime": "2026-03-01T11:57:10+01:00",
    }
    reference = {
        "url": "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference",
        "valueReference": {"reference": "Observation/coin-1"},
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": stamp}, {"resource": observation(extension=[reference])}],
    }
    clock, measured = (outcome(each)[0] for each in phd_batch(json.dumps(bundle).encode(), 10).items)

    assert clock["valueDateTime"] == "2026-03-01T11:57:10+01:00"
    assert clock["subject"] == {"reference": "Patient/p1"}
    assert measured["note"] == [
        {
            "text": "the device's clock said 2026-03-01T11:57:10+01:00 when the gateway's said "
            "2026-03-01T11:59:10+01:00"
        }
    ]


def test_entries_of_the_bundle_say_who_is_meant_by_their_urls():
    parties = [
        {
            "fullUrl": "urn:uuid:1",
            "resource": {"resourceType": "Device", "identifier": [{"value": OXIMETER}]},
        },
        {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient", "id": "p1"}},
    ]
    sent = observation(device={"reference": "urn:uuid:1"}, subject={"reference": "urn:uuid:2"})
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [*parties, {"resource": sent}]}
    batch = phd_batch(json.dumps(bundle).encode(), 10)

    assert len(batch.items) == 1
    assert outcome(batch.items[0]) == outcome(observation())
    assert outcome(json.loads(batch.raw(0))) == outcome(observation())


@pytest.mark.parametrize(
    ("changes", "issue"),
    [
        ({"status": "preliminary"}, ("not-supported", "status")),
        ({"meta": {"security": [{"code": "HTEST"}]}}, ("not-supported", "meta.security")),
        ({"code": coded("150364")}, ("not-supported", "valueQuantity")),
        ({"code": coded("160368")}, ("not-supported", "code.coding")),
        (
            {"code": {"coding": [{"system": "http://loinc.org", "code": "2708-6"}]}},
            ("required", "code.coding"),
        ),
        ({"code": {"text": "SpO2"}}, ("required", "code.coding")),
        ({"code": coded("150456", "MDC_TEMP_BODY")}, ("code-invalid", "valueQuantity")),
        (
            {"code": coded("150456", None, {"system": "http://loinc.org", "code": "8867-4"})},
            ("code-invalid", "valueQuantity"),
        ),
        ({"valueQuantity": quantity(970)}, ("value", "valueQuantity")),
        ({"valueQuantity": quantity(Decimal("0.97"))}, ("value", "valueQuantity")),
        ({"valueQuantity": quantity(97, "/min")}, ("code-invalid", "valueQuantity")),
        ({"valueQuantity": {"value": 97, "unit": "%"}}, ("required", "valueQuantity.code")),
        (
            {"valueQuantity": quantity(97) | {"system": MDC, "code": "262688"}},
            ("code-invalid", "valueQuantity.system"),
        ),
        ({"valueQuantity": None}, ("required", "valueQuantity")),
        ({"effectiveDateTime": None}, ("required", "effectiveDateTime")),
        ({"effectiveDateTime": "2026-03-01T11:59:00"}, ("value", "effectiveDateTime")),
        ({"effectiveDateTime": "2026-03-01T12:06:00Z"}, ("business-rule", "effectiveDateTime")),
        ({"device": {"reference": "Device/another"}}, ("business-rule", "device")),
        ({"subject": {"reference": "Patient/p2"}}, ("business-rule", "subject")),
        ({"subject": {"display": "Jane"}}, ("not-supported", "subject")),
        ({"component": [{"code": coded("150364")}]}, ("not-supported", "component[0].code.coding")),
        (
            {"dataAbsentReason": {"coding": [{"system": "x", "code": "y"}]}},
            ("code-invalid", "dataAbsentReason.coding"),
        ),
        ({"hasMember": [{"reference": "Observation/1"}]}, ("structure", "hasMember")),
        ({"note": "x"}, ("structure", "note")),
    ],
)
def test_what_cannot_be_told_is_refused_by_the_name_of_its_element(changes, issue):
    assert issue in outcome(observation() | changes)


def test_a_doubtful_measurement_is_refused_as_one_of_poor_quality():
    doubt = {
        "coding": [
            {"system": "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status", "code": "questionable"}
        ]
    }

    assert outcome(observation(interpretation=[doubt])) == [("not-supported", "interpretation")]


def test_a_number_that_two_families_share_is_taken_only_with_its_reference_id():
    known = observation("8410964", 10, "cm[H2O]") | {"code": coded("8410964", "MDC_SABTE_PRESS_CPAP_SET")}

    assert outcome(observation("8410964", 10, "cm[H2O]"), "cpap") == [("code-invalid", "valueQuantity")]
    assert outcome(known, "cpap")[0]["valueQuantity"]["value"] == 10


def test_glucose_by_mass_and_by_amount_are_different_metrics_of_one_number():
    (mass,) = outcome(observation("160184", 99, "mg/dL"), "glucose-meter")
    (amount,) = outcome(observation("160184", Decimal("5.5"), "mmol/L"), "glucose-meter")

    assert mass["code"]["coding"][0]["code"] == "41653-7"
    assert amount["code"]["coding"][0]["code"] == "14743-9"


def test_a_corrected_observation_corrects():
    decoded = decode(observation(status="amended"), device(), NOW)

    assert isinstance(decoded, Reading)
    assert decoded.corrects


def test_a_body_that_is_several_measurements_is_no_single_letter():
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": observation()}] * 2}

    assert outcome(bundle) == [("structure", "resourceType")]
    assert decode({}, device(), NOW)[0].code == "structure"


def test_what_has_no_words_is_kept_as_it_was_sent():
    odd = {"url": "http://example.org/odd", "valueMoney": {"amount": 2**70, "note": "µ"}}
    (made,) = outcome(observation(extension=[odd]))

    assert made["note"] == [{"text": 'odd: {"amount": 1180591620717411303424, "note": "µ"}'}]
