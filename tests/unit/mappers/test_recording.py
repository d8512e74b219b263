"""What a long recording becomes: statistics, events, beats and a strip."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from mappers.beats import Beats
from mappers.distribution import Distribution
from mappers.event import Event
from mappers.mapped import Mapped, MappingContext, Rejected
from mappers.profile import device_profile
from mappers.reading import Reading
from mappers.recording import Recording, map_recording
from mappers.times import device_time
from mappers.waveform import KEPT_AS_FILE, Lead, Waveform, excerpt
from terminology.service import Coding

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
CODES = "urn:fhir-server:code-system:wfdb-annotation"


def mapped(recording, profile="apap", start="2026-01-30T23:00:00+01:00", **more):
    reading = Reading("d", profile, device_time(start), RECEIVED, {}, duration=timedelta(hours=1), **more)
    return map_recording(recording, reading, MappingContext("p1", "d1", device_profile(profile), b"k" * 32))


def observations(recording, profile="apap", **more):
    result = mapped(recording, profile, **more)
    assert isinstance(result, Mapped), result
    return result.resources


def statistics(resource):
    return {
        part["code"]["coding"][0]["code"]: part["valueQuantity"]["value"] for part in resource["component"]
    }


def test_a_signal_is_summed_up_in_the_metrics_own_unit():
    counts = {Decimal("0.00"): 3, Decimal("0.02"): 4, Decimal("0.26"): 1}
    (leak,) = observations(Recording((Distribution("leak", "L/s", counts),)))

    assert leak["code"]["coding"][0]["code"] == "8411040"
    assert statistics(leak) == {"median": Decimal("1.2"), "minimum": 0, "maximum": Decimal("15.6")}
    assert leak["effectivePeriod"] == {
        "start": "2026-01-30T23:00:00+01:00",
        "end": "2026-01-31T00:00:00+01:00",
    }
    assert "valueQuantity" not in leak
    assert "note" not in leak


@pytest.mark.parametrize(
    ("counts", "median"),
    [
        ({7: 1}, 7),
        ({7: 1, 9: 1}, 8),
        ({7: 2, 9: 1}, 7),
        ({7: 2, 8: 1, 12: 3}, 10),
        ({12: 2, 7: 1, 8: 1}, 10),
    ],
)
def test_the_median_lies_in_the_middle_of_the_samples(counts, median):
    found = Distribution("airwayPressure", "cmH2O", {Decimal(key): times for key, times in counts.items()})
    (pressure,) = observations(Recording((found,)))

    assert statistics(pressure)["median"] == median


def test_samples_that_are_no_measurement_are_left_out_and_counted():
    counts = {Decimal(0): 6, Decimal("14.2"): 100, Decimal("16.0"): 100}
    (rate,) = observations(Recording((Distribution("respiratoryRate", "bpm", counts, 4),)))

    assert statistics(rate)["minimum"] == Decimal("14.2")
    assert [each["text"] for each in rate["note"]] == [
        "Of 210 samples not counted: 4 without a value, 6 outside 3 to 80 /min."
    ]


def test_a_signal_without_any_value_says_that_it_is_unknown():
    (saturation,) = observations(Recording((Distribution("spo2", "%", {}, 4020),)))

    assert saturation["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "component" not in saturation
    assert "meta" not in saturation


def test_a_signal_that_the_type_does_not_know_rejects_the_recording():
    found = mapped(Recording((Distribution("leak", "L/s", {Decimal(0): 1}),)), "pulse-oximeter")

    assert isinstance(found, Rejected)
    assert found.issues[0].element == "leak"


def test_a_unit_that_the_metric_does_not_take_rejects_the_recording():
    found = mapped(Recording((Distribution("leak", "mL/s", {Decimal(0): 1}),)))

    assert isinstance(found, Rejected)
    assert "mL/s" in found.issues[0].text


def test_events_have_their_own_time_and_the_recordings_own_words():
    events = (
        Event("respiratory-event", timedelta(minutes=2), "Obstructive apnea", timedelta(seconds=14)),
        Event("respiratory-event", timedelta(minutes=2), "Hypopnea", timedelta(seconds=14)),
        Event("respiratory-event", timedelta(minutes=2), "Hypopnea", timedelta(seconds=14)),
    )
    apnea, hypopnea = observations(Recording(events=events))

    assert apnea["valueCodeableConcept"] == {"text": "Obstructive apnea"}
    assert apnea["effectivePeriod"] == {
        "start": "2026-01-30T23:02:00+01:00",
        "end": "2026-01-30T23:02:14+01:00",
    }
    assert apnea["id"] != hypopnea["id"]


def test_what_belongs_to_one_night_shares_an_identifier():
    event = Event("respiratory-event", timedelta(0), "Hypopnea")
    found = observations(
        Recording((Distribution("leak", "L/s", {Decimal(0): 1}),), (event,)), night=date(2026, 1, 30)
    )

    assert {each["identifier"][1]["value"] for each in found} == {"d1/2026-01-30"}
    assert {each["identifier"][0]["system"] for each in found} == {"urn:fhir-server:reading"}


def test_beats_are_counted_by_kind_and_give_the_mean_rate():
    beats = Beats({Coding(CODES, "N", "Normal beat"): 118, Coding(CODES, "V"): 3}, Fraction(100))
    counts, rate, report = observations(Recording(beats=beats), "ecg-monitor")

    assert [(each["code"]["coding"][0]["code"], each["valueInteger"]) for each in counts["component"]] == [
        ("N", 118),
        ("V", 3),
    ]
    assert statistics(rate) == {"average": 72}
    assert rate["code"]["coding"][0]["code"] == "8867-4"
    assert rate["derivedFrom"] == [{"reference": f"Observation/{counts['id']}"}]
    assert [each["reference"] for each in report["result"]] == [
        f"Observation/{counts['id']}",
        f"Observation/{rate['id']}",
    ]


def test_a_rate_that_cannot_be_is_left_out_with_a_warning():
    result = mapped(Recording(beats=Beats({Coding(CODES, "N"): 2}, Fraction(60))), "ecg-monitor")

    assert isinstance(result, Mapped)
    assert [each["resourceType"] for each in result.resources] == ["Observation", "DiagnosticReport"]
    assert [(each.element, each.severity) for each in result.warnings] == [("heartRate", "warning")]


def test_a_recording_ahead_of_the_servers_clock_is_rejected():
    assert isinstance(mapped(Recording(), start="2026-01-31T12:06:00Z"), Rejected)


def test_an_ecg_is_bound_together_by_its_report():
    leads = (Lead("ecg-lead-mlii", [1, None, 3], Decimal(5), Decimal(-5120)),)
    strip, report = observations(
        Recording(waveform=Waveform("ecg-waveform", Fraction(360), leads)), "ecg-monitor"
    )

    assert strip["component"][0]["valueSampledData"]["data"] == "1 E 3"
    assert report["result"] == [{"reference": f"Observation/{strip['id']}"}]


@pytest.mark.parametrize(
    ("samples", "kept"), [(100, 100), (KEPT_AS_FILE, KEPT_AS_FILE), (KEPT_AS_FILE + 1, 3600)]
)
def test_of_a_long_waveform_one_strip_is_kept_as_samples(samples, kept):
    assert excerpt(samples, Fraction(360)) == kept
