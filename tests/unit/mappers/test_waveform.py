from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.mapped import MappingContext
from mappers.profile import device_profile
from mappers.reading import Reading
from mappers.times import device_time
from mappers.waveform import KEPT_AS_FILE, Lead, Waveform, decimal, shortened, waveform_observations

CONTEXT = MappingContext("p1", "d1", device_profile("ecg-monitor"), b"k" * 32)
RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)


def strips(rate, *leads, start="2026-01-31T11:00:00Z"):
    waveform = Waveform("ecg-waveform", Fraction(rate), leads)
    reading = Reading("ecg-1", "ecg-monitor", device_time(start), RECEIVED, {})
    return waveform_observations(waveform, reading, CONTEXT)


def lead(samples, metric="ecg-lead-i", factor="1.25", origin="0"):
    return Lead(metric, samples, Decimal(factor), Decimal(origin))


def test_a_lead_keeps_its_samples_and_its_calibration():
    (strip,) = strips(500, lead([-3, 0, 12], origin="0.5"), lead([1, 2, 3], "ecg-lead-v6"))

    first, second = strip["component"]
    assert strip["code"]["coding"][0]["code"] == "131328"
    assert first["code"]["coding"] == [
        {"system": "urn:iso:std:iso:11073:10101", "code": "131329", "display": "MDC_ECG_ELEC_POTL_I"}
    ]
    assert first["valueSampledData"] == {
        "origin": {
            "value": Decimal("0.5"),
            "unit": "uV",
            "system": "http://unitsofmeasure.org",
            "code": "uV",
        },
        "period": 2,
        "factor": Decimal("1.25"),
        "dimensions": 1,
        "data": "-3 0 12",
    }
    assert second["code"]["coding"][0]["code"] == "131336"


def test_a_sample_that_is_not_valid_is_said_to_be():
    (strip,) = strips(500, lead([1, None, 3]))

    assert strip["component"][0]["valueSampledData"]["data"] == "1 E 3"


def test_a_long_waveform_is_cut_into_strips_that_follow_each_other():
    found = strips(100, lead(list(range(2500))))

    assert [each["effectivePeriod"]["start"] for each in found] == [
        "2026-01-31T11:00:00Z",
        "2026-01-31T11:00:10Z",
        "2026-01-31T11:00:20Z",
    ]
    assert found[-1]["effectivePeriod"]["end"] == "2026-01-31T11:00:25Z"
    assert len({each["id"] for each in found}) == 3


@pytest.mark.parametrize(
    ("rate", "period"), [(1000, "1"), (250, "4"), ("128", "7.8125"), (360, "2.777777777778")]
)
def test_the_period_is_in_milliseconds(rate, period):
    (strip,) = strips(rate, lead([1]))

    assert str(strip["component"][0]["valueSampledData"]["period"]) == period


@settings(deadline=None)
@given(st.integers(1, 400), st.sampled_from([1, 7, 100, 360]))
def test_no_sample_is_lost_or_comes_twice(count, rate):
    samples = list(range(count * 30))
    found = strips(rate, lead(samples))

    words = " ".join(each["component"][0]["valueSampledData"]["data"] for each in found).split()
    assert words == [str(sample) for sample in samples]
    lengths = [
        datetime.fromisoformat(each["effectivePeriod"]["end"])
        - datetime.fromisoformat(each["effectivePeriod"]["start"])
        for each in found
    ]
    assert max(lengths) <= timedelta(seconds=10, microseconds=1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(Fraction(1, 8), "0.125"), (Fraction(100), "100"), (Fraction(1, 3), "0.333333333333333333")],
)
def test_a_fraction_is_exact_where_it_can_be_and_has_no_exponent(value, text):
    assert str(decimal(value)) == text


def test_of_what_is_too_long_the_first_strip_remains():
    long = Waveform("ecg-waveform", Fraction(500), (lead(list(range(KEPT_AS_FILE + 1))),))
    short = Waveform("ecg-waveform", Fraction(500), (lead([1, 2, 3]),))

    assert shortened(long).leads[0].samples == list(range(5_000))
    assert shortened(short) is short
