"""Mistakes that others make with the codes of device readings, each shown not to be made here.

docs/validation.md, "Mistakes that are not made here"
"""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from mappers.device import device_metrics
from mappers.mapped import Mapped, Rejected
from mappers.metrics import metrics
from mappers.observation import map_reading
from mappers.profile import PROFILES, device_profile
from mappers.reading import Reading
from mappers.times import device_time
from terminology import loinc
from terminology.ucum import is_ucum
from tests.data.device_readings import RECEIVED, context_of, resources

LOINC = "http://loinc.org"


def made(type, fields, units=None):
    profile = device_profile(type)
    reading = Reading("d", type, device_time(1772366000), RECEIVED, fields, units or {})
    result = map_reading(reading, context_of(profile))
    assert isinstance(result, Mapped), result
    return {resource["code"]["coding"][0]["code"]: resource for resource in result.resources}


def refused(type, fields, units=None):
    profile = device_profile(type)
    reading = Reading("d", type, device_time(1772366000), RECEIVED, fields, units or {})
    result = map_reading(reading, context_of(profile))
    assert isinstance(result, Rejected), result
    return [(issue.code, issue.element) for issue in result.issues]


def loincs(resource):
    return [coding["code"] for coding in resource["code"]["coding"] if coding["system"] == LOINC]


def codes():
    """Every code of the registry, with the metric that has it."""
    return {(coding.system, coding.code): row.key for row in metrics().values() for coding in row.codings}


def test_the_inhaled_oxygen_concentration_is_3150_0_and_3150_6_does_not_exist():
    assert loincs(made("bedside-monitor", {"fio2": 40})["3150-0"]) == ["3150-0"]
    assert loinc.check_digit("3150") == 0
    assert (LOINC, "3150-6") not in codes()


def test_what_leaves_an_oxygen_concentrator_is_not_what_the_patient_inhales():
    (purity,) = made("oxygen-concentrator", {"concentration": 95}).values()

    assert loincs(purity) == []
    assert purity["code"]["coding"][0]["code"] == "o2-outlet-concentration"
    assert "inhaled-oxygen-concentration" not in {
        rule.key for rule in device_profile("oxygen-concentrator").rules
    }


def test_a_leak_without_its_statistic_has_no_loinc_code():
    leaks = made("cpap", {"leak": 15, "leakMedian": 4, "leak95": 24, "leakMaximum": 40})

    assert loincs(leaks["8411040"]) == []
    assert leaks["8411040"]["valueQuantity"]["value"] == 15
    values = {code: leaks[code]["valueQuantity"]["value"] for code in ("70001-3", "69997-5", "69998-3")}
    assert values == {"70001-3": 4, "69997-5": 24, "69998-3": 40}


def test_a_leak_in_litres_a_second_becomes_litres_a_minute():
    leak = made("apap", {"leak95": Decimal("0.26")}, {"leak95": "L/s"})["69997-5"]

    assert (leak["valueQuantity"]["value"], leak["valueQuantity"]["code"]) == (Decimal("15.60"), "L/min")


@pytest.mark.parametrize("type", ["pulse-oximeter", "edge-monitor"])
def test_the_temperature_of_an_optical_sensors_chip_is_not_body_temperature(type):
    chip = made(type, {"spo2": 97, "temperature": Decimal("38.5")})["die-temperature"]

    assert loincs(chip) == []
    assert chip["category"][0]["coding"][0]["code"] == "technical"


@pytest.mark.parametrize(
    ("type", "field", "code"),
    [
        ("cpap", "pressure", "8410964"),
        ("bipap", "ipap", "8410976"),
        ("bipap", "epap", "8410980"),
        ("bipap", "backup_rate", "backup-rate-set"),
    ],
)
def test_what_was_set_on_a_device_is_a_setting_and_no_vital_sign(type, field, code):
    setting = made(type, {field: 12})[code]
    metric = setting["device"]["reference"].removeprefix("DeviceMetric/")
    category = {each["id"]: each["category"] for each in device_metrics("d1", device_profile(type))}[metric]

    assert [each["coding"][0]["code"] for each in setting["category"]] == ["setting"]
    assert category == "setting"
    assert loincs(setting) == []
    assert setting["subject"] == {"reference": "Patient/p1"}


@pytest.mark.parametrize("name", ["bpm", "mmHg", "degC", "count/min", "[deg]"])
def test_a_name_that_is_not_ucum_is_no_unit_of_any_metric(name):
    assert not is_ucum(name)
    units = {row.scale.unit for row in metrics().values() if row.scale}
    assert name not in units


def test_people_still_read_the_unit_they_know():
    (pulse,) = made("respiration-monitor", {"rr": 14}, {"rr": "bpm"}).values()

    assert pulse["valueQuantity"]["code"] == "/min"
    assert pulse["valueQuantity"]["unit"] == "breaths/minute"


def test_rates_are_per_minute_and_never_beats_per_minute_in_code():
    rates = {
        row.key: row.scale.unit
        for row in metrics().values()
        if row.key.startswith("heart-rate") and row.scale
    }

    assert {unit for key, unit in rates.items() if "variability" not in key} == {"/min"}
    assert refused("bedside-monitor", {"hr": 70}, {"hr": "{beat}/min"}) == [("code-invalid", "hr")]


def test_a_height_in_metres_is_stored_in_centimetres():
    height = made("scale", {"weight": 70, "height": Decimal("1.75")}, {"height": "m"})["8302-2"]

    assert (height["valueQuantity"]["value"], height["valueQuantity"]["code"]) == (175, "cm")


def test_no_code_of_another_meaning_is_used_for_the_news2_score():
    assert (LOINC, "88330-6") not in codes()


def test_a_rhythm_report_goes_by_11524_6_and_11524_0_has_the_wrong_check_digit():
    assert codes()[LOINC, "11524-6"] == "ecg-report"
    assert loinc.check_digit("11524") == 6


def test_the_codes_of_ecg_intervals_are_those_of_the_intervals():
    wanted = {
        "8625-6": "pq-interval",  # the same interval as pr-interval, by the name of its other number of MDC
        "8633-0": "qrs-duration",
        "8634-8": "qt-interval",
        "8636-3": "qtc-interval",
    }

    assert {code: codes()[LOINC, code] for code in wanted} == wanted
    assert (LOINC, "8625-2") not in codes()


def test_no_two_metrics_that_measure_different_things_share_a_loinc_code():
    shared = {}
    for row in metrics().values():
        for coding in row.codings:
            if coding.system == LOINC:
                shared.setdefault(coding.code, []).append(row.key)
    several = {code: keys for code, keys in shared.items() if len(keys) > 1}

    # each the same measurement, made otherwise, which MDC tells apart
    assert several == {
        "8867-4": ["heart-rate", "heart-rate-ecg", "pulse-rate-oximeter", "pulse-rate-cuff"],
        "9279-1": ["respiratory-rate", "respiratory-rate-airway"],
        "8310-5": [
            "body-temperature",
            "body-temperature-tympanic",
            "body-temperature-oral",
            "body-temperature-axillary",
        ],
        "8625-6": ["pr-interval", "pq-interval"],
        "33438-3": ["pap-respiratory-rate", "ventilator-respiratory-rate"],
        "76222-9": ["pap-tidal-volume", "ventilator-tidal-volume"],
        "41653-7": ["glucose-capillary", "glucose-capillary-plasma"],
        "14743-9": ["glucose-capillary-molar", "glucose-capillary-plasma-molar"],
    }


def test_diastolic_pressure_is_not_coded_as_a_heart_rate():
    (panel,) = made("blood-pressure", {"systolic": 120, "diastolic": 80}).values()

    assert [each["code"]["coding"][0]["code"] for each in panel["component"]] == ["8480-6", "8462-4"]


def test_glucose_in_mmol_has_another_code_than_in_mg():
    mass = made("glucose-meter", {"glucose": 95})
    molar = made("glucose-meter", {"glucose": Decimal("5.3")}, {"glucose": "mmol/L"})

    assert [*mass] == ["41653-7"]
    assert [*molar] == ["14743-9"]


def test_rmssd_is_not_sdnn():
    assert loincs(*made("activity-tracker", {"rmssd": 40}).values()) == []
    assert loincs(*made("activity-tracker", {"sdnn": 40}).values()) == ["80404-7"]


def test_no_device_type_turns_an_alarm_of_its_own_into_a_resource():
    for key in PROFILES:
        for resource in made_of_everything(key):
            assert resource["resourceType"] in {"Observation", "DiagnosticReport"}
            assert "interpretation" not in resource


def made_of_everything(key):
    return [resource for _, resource in resources(device_profile(key))]


def test_the_page_lists_every_test_here():
    page = Path(__file__).parents[3] / "docs" / "validation.md"
    listed = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8").partition("## Mistakes")[2]))
    here = {name for name in globals() if name.startswith("test_")}

    assert listed == here - {"test_the_page_lists_every_test_here"}
