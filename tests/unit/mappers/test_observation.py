import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation
from hypothesis import given
from hypothesis import strategies as st

from mappers.declaration import parse
from mappers.device import device_metrics
from mappers.errors import WeakKey
from mappers.identity import fingerprint
from mappers.mapped import Mapped, MappingContext, Rejected
from mappers.metrics import metrics
from mappers.observation import map_reading
from mappers.profile import PROFILES, device_profile, read_profile
from mappers.reading import Reading
from mappers.times import device_time

RECEIVED = datetime(2026, 1, 31, 12, 0, 1, 250_999, tzinfo=UTC)
MEASURED = 1769860800  # 2026-01-31T12:00:00Z
KEY = b"k" * 32

# What the vital signs profiles of R4 demand, read from the specification and not from the code under test.
VITAL_SIGNS = {
    "http://hl7.org/fhir/StructureDefinition/heartrate": ("8867-4", {"/min"}),
    "http://hl7.org/fhir/StructureDefinition/resprate": ("9279-1", {"/min"}),
    "http://hl7.org/fhir/StructureDefinition/oxygensat": ("2708-6", {"%"}),
    "http://hl7.org/fhir/StructureDefinition/bodytemp": ("8310-5", {"Cel", "[degF]"}),
    "http://hl7.org/fhir/StructureDefinition/bodyheight": ("8302-2", {"cm", "[in_i]"}),
    "http://hl7.org/fhir/StructureDefinition/bodyweight": ("29463-7", {"kg", "g", "[lb_av]"}),
    "http://hl7.org/fhir/StructureDefinition/bmi": ("39156-5", {"kg/m2"}),
    "http://hl7.org/fhir/StructureDefinition/vitalsigns": ("40443-4", {"/min"}),
    "http://hl7.org/fhir/StructureDefinition/vitalspanel": ("85353-1", None),
    "http://hl7.org/fhir/StructureDefinition/bp": ("85354-9", None),
}
CODES_OF_VITAL_SIGNS = {code: profile for profile, (code, _) in VITAL_SIGNS.items()}

THERMOMETER = """\
text: Thermometer
version: "1"
sequence: required
resolution: subsecond
fields: {temperature: {metric: body-temperature}, rate: {metric: backup-rate-set, unit: /min}}
"""


def reading(fields, profile="pulse-oximeter", **others):
    rest = {"time": device_time(MEASURED), "received": RECEIVED} | others
    return Reading(device="pi-001", profile=profile, fields=fields, **rest)


def context(profile="pulse-oximeter", **others):
    known = device_profile(profile) if isinstance(profile, str) else profile
    return MappingContext(
        **({"patient_id": "p1", "device_id": "d1", "identity_key": KEY} | others), profile=known
    )


def resources(fields, profile="pulse-oximeter", **others):
    result = map_reading(reading(fields, profile, **others), context(profile))
    assert isinstance(result, Mapped), result
    return result.resources


def as_json(resource):
    def number(value):
        assert isinstance(value, Decimal)
        return float(value)

    return json.dumps(resource, default=number)


def assert_vital_sign(observation):
    """The rules of the base profile and of the one that is claimed."""
    code, units = VITAL_SIGNS[observation["meta"]["profile"][0]]
    category = "http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs"
    assert category in {
        (each["system"], each["code"]) for concept in observation["category"] for each in concept["coding"]
    }
    assert {"system": "http://loinc.org", "code": code}.items() <= observation["code"]["coding"][0].items()
    assert observation["subject"]["reference"].startswith("Patient/")
    assert re.search(r"T.*(Z|[+-]\d\d:\d\d)$", observation["effectiveDateTime"])
    if "hasMember" in observation:
        assert "valueQuantity" not in observation
        quantities = []
    elif units is None:
        codes = {each["code"]["coding"][0]["code"] for each in observation["component"]}
        assert {"8480-6", "8462-4"} <= codes
        assert "valueQuantity" not in observation
        quantities = [each["valueQuantity"] for each in observation["component"]]
        assert {each["code"] for each in quantities} == {"mm[Hg]"}
    else:
        quantities = [observation["valueQuantity"]]
        assert observation["valueQuantity"]["code"] in units
    for quantity in quantities:
        assert set(quantity) == {"value", "unit", "system", "code"}
        assert quantity["system"] == "http://unitsofmeasure.org"


def plausible_fields(profile):
    """One value in the middle of what is accepted for every field of the profile."""
    return {
        rule.name: middle(rule.scale) + (10 if rule.key == "systolic-pressure" else 0)
        if rule.scale
        else next(iter(rule.metric.answers))
        for rule in profile.rules
        if rule.key != "mean-pressure"
    }


def sums_up(observation):
    parts = [each["code"]["coding"][0]["system"] for each in observation.get("component", ())]
    return any(system.endswith("observation-statistics") for system in parts)


def middle(scale):
    found = (scale.low + scale.high) / 2
    return round(found) if scale.whole else found


@pytest.mark.parametrize("key", PROFILES)
def test_every_profile_makes_observations_that_the_models_and_the_vital_signs_profiles_accept(key):
    made = resources(plausible_fields(device_profile(key)), key)

    for observation in (each for each in made if each["resourceType"] == "Observation"):
        assert Observation.model_validate_json(as_json(observation)).id == observation["id"]
        code = observation["code"]["coding"][0]["code"]
        claimed = observation.get("meta", {}).get("profile", [None])[0]
        assert claimed == (None if sums_up(observation) else CODES_OF_VITAL_SIGNS.get(code))
        if claimed:
            assert_vital_sign(observation)


def test_an_observation_has_everything_it_must_have():
    (observation,) = resources({"spo2": Decimal("97.50")})

    assert observation == {
        "resourceType": "Observation",
        "id": observation["id"],
        "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/oxygensat"]},
        "identifier": [
            {
                "system": "urn:fhir-server:reading",
                "value": "d1_p1_oxygen-saturation_1769860800000000000",
            }
        ],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {
                    "system": "http://loinc.org",
                    "code": "2708-6",
                    "display": "Oxygen saturation in Arterial blood",
                },
                {
                    "system": "http://loinc.org",
                    "code": "59408-5",
                    "display": "Oxygen saturation in Arterial blood by Pulse oximetry",
                },
                {
                    "system": "urn:iso:std:iso:11073:10101",
                    "code": "150456",
                    "display": "MDC_PULS_OXIM_SAT_O2",
                },
            ],
            "text": "Oxygen saturation by pulse oximetry",
        },
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-01-31T12:00:00Z",
        "issued": "2026-01-31T12:00:01.250Z",
        "device": {"reference": "Device/d1"},
        "valueQuantity": {
            "value": Decimal("97.50"),
            "unit": "%",
            "system": "http://unitsofmeasure.org",
            "code": "%",
        },
    }
    assert str(observation["valueQuantity"]["value"]) == "97.50"


@pytest.mark.parametrize(
    ("profile", "fields", "mdc"),
    [
        ("pulse-oximeter", {"spo2": 97, "pulseRate": 70}, "149530"),
        ("blood-pressure", {"systolic": 120, "diastolic": 80, "pulseRate": 70}, "149546"),
        ("ecg-monitor", {"heartRate": 70}, "147842"),
    ],
)
def test_the_pulse_says_which_kind_of_device_took_it(profile, fields, mdc):
    rate = resources(fields, profile)[-1]

    assert [each["code"] for each in rate["code"]["coding"]] == ["8867-4", mdc]


def test_ecg_intervals_are_procedures_and_their_rate_is_also_a_vital_sign():
    rate, interval, _ = resources({"heartRate": 70, "prInterval": 160}, "ecg-monitor")
    categories = [[each["coding"][0]["code"] for each in one["category"]] for one in (rate, interval)]

    assert categories == [["vital-signs", "procedure"], ["procedure"]]


def test_an_electrocardiogram_has_a_report_of_all_that_was_measured():
    rate, interval, report = resources({"bpm": 70, "pr_interval": 160}, "ecg-monitor")

    assert DiagnosticReport.model_validate_json(as_json(report)).id == report["id"]
    assert report["code"]["coding"][0]["code"] == "11524-6"
    assert [each["reference"] for each in report["result"]] == [
        f"Observation/{rate['id']}",
        f"Observation/{interval['id']}",
    ]
    assert report["subject"] == rate["subject"]
    assert report["effectiveDateTime"] == rate["effectiveDateTime"]


@pytest.mark.parametrize("fields", [{"bpm": 70}, {"bpm": 70, "qrsAxis": 40}, {"bpm": 70, "qt": None}])
def test_a_heart_rate_alone_is_no_electrocardiogram(fields):
    made = resources(fields, "ecg-monitor")

    assert {each["resourceType"] for each in made} == {"Observation"}


def test_the_device_keeps_its_own_offset_and_precision():
    (observation,) = resources({"spo2": 97}, time=device_time("2026-01-31T13:00:00.50+01:00"))

    assert observation["effectiveDateTime"] == "2026-01-31T13:00:00.50+01:00"


def test_the_time_of_receipt_is_an_instant_in_utc():
    kolkata = RECEIVED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    (observation,) = resources({"spo2": 97}, received=kolkata)

    assert observation["issued"] == "2026-01-31T12:00:01.250Z"


@pytest.mark.parametrize(
    ("profile", "fields"),
    [
        ("bedside-monitor", {"glasgowComaScore": Decimal("14.5")}),
        ("bedside-monitor", {"news2": Decimal("3.5")}),
        ("activity-tracker", {"steps": Decimal("1200.5")}),
    ],
)
def test_what_is_counted_in_whole_numbers_has_no_fraction(profile, fields):
    result = map_reading(reading(fields, profile), context(profile))

    assert [(each.code, each.element) for each in result.issues] == [("value", next(iter(fields)))]


def test_a_count_may_be_written_with_a_fraction_of_nothing():
    (steps,) = resources({"steps": Decimal("1200.0")}, "activity-tracker")

    assert steps["valueQuantity"]["value"] == 1200


def test_a_lowest_pressure_is_not_above_the_highest():
    sent = reading({"pressureMinimumSet": 20, "pressureMaximumSet": 4}, "apap")

    result = map_reading(sent, context("apap"))

    assert [(each.code, each.element) for each in result.issues] == [("invariant", "pressureMinimumSet")]


@pytest.mark.parametrize(
    ("left", "status"),
    [(timedelta(), "final"), (timedelta(seconds=1), "preliminary"), (timedelta(hours=12), "preliminary")],
)
def test_what_is_not_over_yet_is_preliminary(left, status):
    lasts = RECEIVED - device_time(MEASURED).moment + left

    (steps,) = resources({"stepsPerDay": 1200}, "activity-tracker", duration=lasts)

    assert steps["status"] == status


def test_what_lasts_more_than_a_day_is_refused_until_it_is_over():
    result = map_reading(reading({"spo2": 97}, duration=timedelta(hours=26)), context())

    assert [(each.code, each.element) for each in result.issues] == [("business-rule", "duration")]


def test_a_duration_makes_a_period():
    (observation,) = resources({"spo2": 97}, duration=timedelta(seconds=30, milliseconds=500))

    assert observation["effectivePeriod"] == {
        "start": "2026-01-31T12:00:00Z",
        "end": "2026-01-31T12:00:30.500Z",
    }
    assert "effectiveDateTime" not in observation


def test_what_took_a_while_claims_no_vital_signs_profile_whose_rule_vs_1_no_period_can_meet():
    (moment,) = resources({"spo2": 97})
    (period,) = resources({"spo2": 97}, duration=timedelta(seconds=30))

    assert moment["meta"] == {"profile": ["http://hl7.org/fhir/StructureDefinition/oxygensat"]}
    assert "meta" not in period
    assert period["category"] == moment["category"]


def test_a_duration_that_is_not_positive_is_refused():
    result = map_reading(reading({"spo2": 97}, duration=timedelta(0)), context())

    assert [(each.code, each.element) for each in result.issues] == [("value", "duration")]


def test_a_reading_of_poor_quality_is_refused_and_not_stored_as_good():
    poor = map_reading(reading({"spo2": 97}, quality="questionable"), context())

    assert [(each.code, each.element) for each in poor.issues] == [("not-supported", "quality")]
    assert isinstance(map_reading(reading({"spo2": 97}, quality="good"), context()), Mapped)


def test_the_quality_of_the_signal_is_kept_beside_the_value():
    good = map_reading(reading({"spo2": 97}, quality=Decimal("0.90")), context())

    (made,) = good.resources
    assert made["extension"] == [
        {"url": "urn:fhir-server:structure-definition:signal-quality", "valueDecimal": Decimal("0.90")}
    ]


@pytest.mark.parametrize("quality", [Decimal("1.01"), -1, 2, Decimal("0.1234567"), 0])
def test_a_quality_that_cannot_be_or_says_that_there_was_no_signal_is_refused_by_name(quality):
    poor = map_reading(reading({"spo2": 97}, quality=quality), context())

    assert [each.element for each in poor.issues] == ["quality"]


def test_a_field_without_a_declared_unit_needs_one_from_the_device():
    profile = read_profile("thermometer", parse(THERMOMETER, "thermometer.yaml"))
    time = {"time": device_time(Decimal("1769860800.1")), "sequence": "7"}
    without = map_reading(reading({"temperature": 37}, "thermometer", **time), context(profile))
    kelvin = map_reading(
        reading({"temperature": Decimal("310.15")}, "thermometer", units={"temperature": "K"}, **time),
        context(profile),
    )

    assert [(each.code, each.element) for each in without.issues] == [("required", "temperature")]
    assert str(kelvin.resources[0]["valueQuantity"]["value"]) == "37.00"


def test_a_profile_may_demand_fractions_of_a_second_and_a_sequence():
    profile = read_profile("thermometer", parse(THERMOMETER, "thermometer.yaml"))
    result = map_reading(
        reading({"temperature": 37}, "thermometer", units={"temperature": "Cel"}), context(profile)
    )

    assert [(each.code, each.element) for each in result.issues] == [
        ("required", "timestamp"),
        ("required", "sequence"),
    ]


def test_a_setting_is_never_a_vital_sign():
    profile = read_profile("thermometer", parse(THERMOMETER, "thermometer.yaml"))
    fields = {"rate": 12}
    time = {"time": device_time(Decimal("1769860800.1")), "sequence": "7"}
    result = map_reading(reading(fields, "thermometer", **time), context(profile))

    (setting,) = result.resources
    assert setting["category"][0]["coding"][0]["code"] == "setting"
    assert setting["subject"] == {"reference": "Patient/p1"}
    assert "meta" not in setting


def test_a_setting_refers_to_the_device_metric_of_that_setting():
    (setting,) = resources({"ipap": 12}, "bipap")
    metrics = {each["id"]: each for each in device_metrics("d1", device_profile("bipap"))}

    metric = metrics[setting["device"]["reference"].removeprefix("DeviceMetric/")]
    assert metric["category"] == "setting"
    assert metric["type"] == setting["code"]
    assert metric["source"] == {"reference": "Device/d1"}


def test_the_vital_signs_of_one_message_make_a_panel_and_the_rest_stands_alone():
    *members, panel = resources(
        {"heartRate": 72, "spo2": 97, "systolic": 120, "diastolic": 80, "gcs": 15}, "bedside-monitor"
    )

    assert panel["code"]["coding"][0]["code"] == "85353-1"
    assert panel["meta"]["profile"] == ["http://hl7.org/fhir/StructureDefinition/vitalspanel"]
    named = {each["reference"].removeprefix("Observation/") for each in panel["hasMember"]}
    codes = {each["code"]["coding"][0]["code"] for each in members if each["id"] in named}
    assert codes == {"8867-4", "2708-6", "85354-9"}
    assert "9269-2" in {each["code"]["coding"][0]["code"] for each in members}


def test_one_vital_sign_makes_no_panel():
    assert len(resources({"heartRate": 72}, "bedside-monitor")) == 1


def test_a_night_of_therapy_binds_what_was_measured_and_not_what_was_set():
    *made, panel = resources(
        {"ipap": 12, "epap": 6, "ahi": Decimal("2.1"), "leak95": 14},
        "bipap",
        duration=timedelta(hours=7),
        received=RECEIVED + timedelta(hours=7),
    )

    assert panel["code"]["coding"][0]["code"] == "69999-1"
    named = {each["reference"].removeprefix("Observation/") for each in panel["hasMember"]}
    assert {each["code"]["coding"][0]["code"] for each in made if each["id"] in named} == {
        "69990-0",
        "69997-5",
    }


def test_a_value_in_the_unit_of_another_metric_has_that_metrics_code_and_is_not_converted():
    (mass,) = resources({"glucose": 99}, "glucose-meter")
    (amount,) = resources({"glucose": Decimal("5.5")}, "glucose-meter", units={"glucose": "mmol/L"})

    assert (mass["code"]["coding"][0]["code"], mass["valueQuantity"]["code"]) == ("41653-7", "mg/dL")
    assert (amount["code"]["coding"][0]["code"], amount["valueQuantity"]["code"]) == ("14743-9", "mmol/L")
    assert str(amount["valueQuantity"]["value"]) == "5.5"


@pytest.mark.parametrize(
    ("sent", "comparator", "limit"), [(">600", ">", "600"), ("<= 30", "<=", "30"), ("<20", "<", "20")]
)
def test_a_value_beyond_what_a_meter_measures_keeps_its_side(sent, comparator, limit):
    (observation,) = resources({"glucose": sent}, "glucose-meter")

    quantity = observation["valueQuantity"]
    assert (quantity["comparator"], str(quantity["value"])) == (comparator, limit)


@pytest.mark.parametrize(
    ("sent", "unit"), [(">33.3", "mg/dL"), ("<1.1", "mg/dL"), (">600", "mmol/L"), ("<20", "mmol/L")]
)
def test_a_limit_that_no_meter_has_in_that_unit_is_refused(sent, unit):
    result = map_reading(
        reading({"glucose": sent}, "glucose-meter", units={"glucose": unit}), context("glucose-meter")
    )

    assert [(each.code, each.element) for each in result.issues] == [("value", "glucose")]


@pytest.mark.parametrize("sent", ["HI", ">", "> high", "600>", "=600", ">6e2", ""])
def test_a_bound_without_its_limit_is_refused(sent):
    result = map_reading(reading({"glucose": sent}, "glucose-meter"), context("glucose-meter"))

    assert [(each.code, each.element) for each in result.issues] == [("value", "glucose")]
    assert 'its limit, as ">600" or "<20"' in result.issues[0].text


def test_an_answer_whose_code_has_no_display_says_in_words_what_it_is():
    (observation,) = resources({"mode": "BPAP-ST"}, "bipap")

    assert observation["valueCodeableConcept"] == {
        "coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "8410894"}],
        "text": "BPAP-ST",
    }


def test_a_level_of_consciousness_is_one_of_its_answers():
    (observation,) = resources({"acvpu": "V"}, "bedside-monitor")

    assert observation["valueCodeableConcept"]["coding"] == [
        {"system": "http://loinc.org", "code": "LA17108-4", "display": "Verbal"}
    ]


@pytest.mark.parametrize(
    ("sent", "code", "display"),
    [(True, "373066001", "Yes"), (False, "373067005", "No"), ("true", "373066001", "Yes")],
)
def test_whether_a_patient_breathes_oxygen_is_yes_or_no(sent, code, display):
    (observation,) = resources({"onOxygen": sent}, "bedside-monitor")

    assert observation["code"]["coding"][0]["code"] == "371825009"
    assert observation["valueCodeableConcept"]["coding"] == [
        {"system": "http://snomed.info/sct", "code": code, "display": display}
    ]


def test_a_score_is_kept_as_it_was_worked_out_and_is_no_vital_sign():
    made = resources({"news2": 7, "qsofa": 2, "sofa": 9}, "bedside-monitor")

    assert [
        (
            each["code"]["coding"][0]["code"],
            int(each["valueQuantity"]["value"]),
            each["valueQuantity"]["code"],
        )
        for each in made
    ] == [("news2-total", 7, "{score}"), ("96791-9", 2, "{score}"), ("96790-1", 9, "{score}")]
    assert {each["category"][0]["coding"][0]["code"] for each in made} == {"survey"}


@pytest.mark.parametrize("sent", ["X", "v", 1, True])
def test_an_answer_that_is_not_on_the_list_is_refused_with_the_list(sent):
    result = map_reading(reading({"acvpu": sent}, "bedside-monitor"), context("bedside-monitor"))

    (issue,) = result.issues
    assert (issue.code, issue.element) == ("code-invalid", "acvpu")
    assert "A, C, V, P, U" in issue.text


MONITOR = """\
text: Monitor
version: "1"
fields:
  pulse: {metric: heart-rate, unit: /min}
  systolic: {metric: systolic-pressure, unit: "mm[Hg]"}
  diastolic: {metric: diastolic-pressure, unit: "mm[Hg]"}
  mean: {metric: mean-pressure, unit: "mm[Hg]"}
"""


def test_a_panel_that_is_sent_in_part_is_refused_and_one_that_is_not_sent_is_not_missed():
    profile = read_profile("monitor", parse(MONITOR, "monitor.yaml"))
    partial = map_reading(reading({"pulse": 60, "mean": 90}), context(profile))
    none = map_reading(reading({"pulse": 60}), context(profile))

    assert [(each.code, each.element) for each in partial.issues] == [
        ("required", "systolic"),
        ("required", "diastolic"),
    ]
    assert isinstance(none, Mapped)


def test_a_float_is_a_mistake_of_the_caller_and_is_not_stored():
    result = map_reading(reading({"spo2": 97.5}), context())

    assert [(each.code, each.element) for each in result.issues] == [("value", "spo2")]


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+99999")]
)
def test_a_number_that_is_none_is_refused(value):
    result = map_reading(reading({"spo2": value}), context())

    assert [(each.code, each.element) for each in result.issues] == [("value", "spo2")]


def test_a_number_too_long_to_print_is_refused():
    result = map_reading(reading({"spo2": 10**5000}), context())

    assert [(each.code, each.element) for each in result.issues] == [("value", "spo2")]


def test_a_long_text_is_shown_in_part():
    result = map_reading(reading({"spo2": "x" * 1000, "y" * 1000: 1}), context())

    assert all(len(each.text) < 300 and len(each.element) <= 60 for each in result.issues)


def test_a_warning_does_not_turn_an_error_into_success():
    result = map_reading(reading({"spo2": 120}, time=device_time(1234567890)), context())

    assert isinstance(result, Rejected)
    assert [each.severity for each in result.issues] == ["warning", "error"]


def test_a_correction_says_so():
    result = map_reading(reading({"spo2": 97}, corrects=True), context())

    assert result.corrects
    assert result.resources[0]["status"] == "final"


def test_a_short_identity_key_is_refused():
    with pytest.raises(WeakKey, match="has 31 bytes"):
        context(identity_key=b"k" * 31)


def test_the_same_reading_later_differs_only_in_when_it_was_issued():
    first = resources({"systolic": 120, "diastolic": 80, "pulse": 60}, "blood-pressure")
    later = resources(
        {"systolic": 120, "diastolic": 80, "pulse": 60},
        "blood-pressure",
        received=RECEIVED + timedelta(hours=1),
    )

    assert [each["issued"] for each in first] != [each["issued"] for each in later]
    assert [{**each, "issued": ""} for each in first] == [{**each, "issued": ""} for each in later]
    assert as_json(first[0]).split("issued")[0] == as_json(later[0]).split("issued")[0]
    assert list(map(fingerprint, first)) == list(map(fingerprint, later))


SPO2 = st.integers(40, 100) | st.decimals(40, 100, places=2)
NUMBERS = st.integers() | st.decimals() | st.decimals(0, 500, places=1) | st.integers(0, 400)


@given(
    profile=st.sampled_from(PROFILES),
    values=st.lists(NUMBERS | st.none() | st.booleans() | st.text(), max_size=8),
)
def test_whatever_is_accepted_lies_within_the_limits_and_nothing_is_dropped(profile, values):
    rules = device_profile(profile).rules
    fields = {rule.name: value for rule, value in zip(rules, values, strict=False)}
    result = map_reading(reading(fields, profile), context(profile))

    if isinstance(result, Rejected):
        assert any(issue.severity == "error" for issue in result.issues)
        return
    stored = {}
    measured = [each for each in result.resources if each.keys().isdisjoint({"result", "hasMember"})]
    for observation in measured:
        for part in observation.get("component", [observation]):
            stored[part["code"]["coding"][-1]["code"]] = part["valueQuantity"]["value"]
    sent = {
        metrics()[r.key].codings[-1].code: fields[r.name] for r in rules if fields.get(r.name) is not None
    }
    assert stored == sent
    for rule in rules:
        value = stored.get(rule.metric.codings[-1].code)
        assert value is None or rule.scale.low <= value <= rule.scale.high


@given(SPO2, st.sampled_from([None, "%"]))
def test_what_is_stored_has_the_digits_that_were_sent(value, unit):
    (observation,) = resources({"spo2": value}, units={"spo2": unit} if unit else {})

    assert str(observation["valueQuantity"]["value"]) == str(value)


WORN = """\
text: Worn
version: "1"
group: vital-signs-panel
fields:
  pulse: {metric: heart-rate, unit: /min, site: left wrist}
  breaths: {metric: respiratory-rate, unit: /min, statistic: mean}
  weight: {metric: body-weight, unit: kg, modality: self-reported}
  systolic: {metric: systolic-pressure, unit: "mm[Hg]", site: left upper arm, modality: self-reported}
  diastolic: {metric: diastolic-pressure, unit: "mm[Hg]"}
"""


def test_site_statistic_and_modality_of_a_field_are_said_by_its_observation():
    fields = {"pulse": 61, "breaths": 14, "weight": 70, "systolic": 120, "diastolic": 80}
    result = map_reading(reading(fields), context(read_profile("worn", parse(WORN, "worn.yaml"))))
    pulse, breaths, weight, pressure, panel = result.resources

    assert pulse["bodySite"] == {"text": "left wrist"}
    assert "performer" not in pulse
    assert "valueQuantity" not in breaths
    assert "meta" not in breaths
    assert breaths["component"][0]["code"]["coding"][0]["code"] == "average"
    assert weight["performer"] == pressure["performer"] == [{"reference": "Patient/p1"}]
    assert pressure["bodySite"] == {"text": "left upper arm"}
    assert f"Observation/{breaths['id']}" not in [each["reference"] for each in panel["hasMember"]]


def test_two_statistics_of_one_measurement_are_still_checked_against_each_other():
    declared = """\
text: Worn
version: "1"
fields:
  systolic: {metric: systolic-pressure, unit: "mm[Hg]", statistic: mean}
  diastolic: {metric: diastolic-pressure, unit: "mm[Hg]", statistic: mean}
"""
    profile = read_profile("worn", parse(declared, "worn.yaml"))
    swapped = map_reading(reading({"systolic": 80, "diastolic": 120}), context(profile))
    half = map_reading(reading({"systolic": 80}), context(profile))

    assert [issue.code for issue in swapped.issues] == ["invariant"]
    assert [(issue.code, issue.element) for issue in half.issues] == [("required", "diastolic")]


def test_the_total_of_a_score_is_the_value_and_its_points_are_components():
    whole, alone, parts = (
        resources(fields, "bedside-monitor")[0]
        for fields in ({"news2": 5, "news2Pulse": 1}, {"news2": 5}, {"news2Pulse": 1})
    )

    assert (whole["valueQuantity"]["value"], len(whole["component"])) == (5, 1)
    assert "component" not in alone
    assert "valueQuantity" not in parts
    assert whole["id"] == alone["id"] == parts["id"]
