import json
from datetime import UTC, datetime

from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation

from mappers.ecg import EcgReport, map_ecg
from mappers.mapped import Mapped, MappingContext, Rejected
from mappers.profile import device_profile
from mappers.reading import Reading
from mappers.times import device_time

CONTEXT = MappingContext("p1", "d1", device_profile("ecg-monitor"), b"k" * 32)
FIELDS = {"heartRate": 72, "prInterval": 160, "qrsDuration": 92, "qtInterval": 380, "qtcInterval": 416}


def report(fields=None, **others):
    reading = Reading(
        device="ecg-1",
        profile="ecg-monitor",
        time=device_time("1999-01-31T12:00:00+01:00"),
        received=datetime(2026, 1, 31, tzinfo=UTC),
        fields=FIELDS if fields is None else fields,
    )
    return EcgReport(reading, **others)


def test_an_ecg_becomes_coded_observations_and_the_report_that_binds_them():
    mapped = map_ecg(report(conclusion=" Sinus rhythm \n"), CONTEXT)
    *observations, diagnostic_report = mapped.resources

    assert mapped.warnings == ()
    assert [each["code"]["coding"][0]["code"] for each in observations] == [
        "8867-4",
        "8625-6",
        "8633-0",
        "8634-8",
        "8636-3",
    ]
    assert diagnostic_report["code"]["coding"] == [
        {"system": "http://loinc.org", "code": "11524-6", "display": "EKG study"}
    ]
    assert diagnostic_report["result"] == [
        {"reference": f"Observation/{each['id']}"} for each in observations
    ]
    assert diagnostic_report["conclusion"] == "Sinus rhythm"
    assert diagnostic_report["effectiveDateTime"] == "1999-01-31T12:00:00+01:00"
    assert diagnostic_report["subject"] == {"reference": "Patient/p1"}
    DiagnosticReport.model_validate_json(json.dumps(diagnostic_report))
    for each in observations:
        Observation.model_validate_json(json.dumps(each))


def test_a_recording_that_states_only_the_rr_interval_has_its_rate_calculated_and_says_so():
    fields = {"rrInterval": 982, "prInterval": 161, "qrsDuration": 75, "qtInterval": 368, "qtcInterval": 370}
    mapped = map_ecg(report(fields), CONTEXT)
    rate, interval, *_ = mapped.resources

    assert mapped.warnings == ()
    assert rate["code"]["coding"][0]["code"] == "8867-4"
    assert rate["valueQuantity"]["value"] == 61
    assert rate["method"] == {"text": "60000 / R-R interval in ms"}
    assert rate["derivedFrom"] == [{"reference": f"Observation/{interval['id']}"}]
    assert interval["code"]["coding"][0]["code"] == "8637-1"
    Observation.model_validate_json(json.dumps(rate))


def test_a_rate_that_the_recording_states_is_not_calculated():
    rate, *_ = map_ecg(report({"heartRate": 60, "rrInterval": 982}), CONTEXT).resources

    assert rate["valueQuantity"]["value"] == 60
    assert "method" not in rate


def test_no_rate_is_calculated_from_an_implausible_interval():
    result = map_ecg(report({"rrInterval": 0, "prInterval": 160}), CONTEXT)

    assert [each.element for each in result.issues] == ["rrInterval"]


def test_no_two_resources_of_an_ecg_share_an_id():
    resources = map_ecg(report(), CONTEXT).resources

    assert len({each["id"] for each in resources}) == len(resources) == 6


def test_the_same_ecg_is_the_same_group():
    assert map_ecg(report(), CONTEXT) == map_ecg(report(), CONTEXT)


def test_an_ecg_without_words_has_no_conclusion():
    assert "conclusion" not in map_ecg(report(conclusion="  "), CONTEXT).resources[-1]


def test_an_implausible_interval_rejects_the_whole_ecg():
    result = map_ecg(report({**FIELDS, "prInterval": 0}), CONTEXT)

    assert isinstance(result, Rejected)
    assert [each.element for each in result.issues] == ["prInterval"]
    assert isinstance(map_ecg(report({**FIELDS, "prInterval": None}), CONTEXT), Mapped)
