import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.identity import (
    fingerprint,
    identifier_value,
    record_part,
    resource_id,
    sequence_text,
    time_part,
)
from mappers.times import device_time

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
KEYS = st.binary(min_size=32, max_size=32)
IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)
METRICS = st.sampled_from(["heart-rate", "oxygen-saturation", "blood-pressure"])
TIMES = st.integers(0, 10**11) | st.decimals(0, 10**11, places=9, allow_nan=False)
DURATIONS = st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=2))
SEQUENCES = st.text(max_size=12)
OCCASIONS = st.tuples(IDS, IDS, METRICS, TIMES, DURATIONS, SEQUENCES)


def identified(device, patient, metric, seconds, duration, sequence, key=b"k" * 32):
    time = device_time(seconds)
    text = sequence_text(sequence)
    identifier = identifier_value(device, patient, metric, time_part(time, duration, text))
    return identifier, resource_id(key, time.nanoseconds // 1_000_000, identifier)


@given(OCCASIONS.filter(lambda each: sequence_text(each[5]) is not None), KEYS)
def test_an_id_is_a_uuid_version_8_a_fhir_id_and_sorts_by_time(occasion, key):
    _, made = identified(*occasion, key)
    milliseconds = device_time(occasion[3]).nanoseconds // 1_000_000

    assert uuid.UUID(made).version == 8
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert str(uuid.UUID(made)) == made
    assert FHIR_ID.fullmatch(made)
    assert int(made.replace("-", "")[:12], 16) == milliseconds


@given(OCCASIONS.filter(lambda each: sequence_text(each[5]) is not None))
def test_the_same_occasion_has_the_same_id(occasion):
    assert identified(*occasion) == identified(*occasion)


@given(OCCASIONS, OCCASIONS)
def test_different_occasions_have_different_ids(one, other):
    if sequence_text(one[5]) is None or sequence_text(other[5]) is None:
        return
    same = one[:3] == other[:3] and one[4:] == other[4:] and Decimal(one[3]) == Decimal(other[3])

    assert (identified(*one) == identified(*other)) == same


BASE = ("d1", "p1", "heart-rate", 1769860800, None, "")


@pytest.mark.parametrize(
    "other",
    [
        ("d2", *BASE[1:]),
        ("d1", "p2", *BASE[2:]),
        ("d1", "p1", "oxygen-saturation", *BASE[3:]),
        (*BASE[:3], 1769860801, None, ""),
        (*BASE[:3], Decimal("1769860800.001"), None, ""),
        (*BASE[:3], Decimal("1769860800.000000001"), None, ""),
        (*BASE[:4], timedelta(seconds=1), ""),
        (*BASE[:5], "1"),
        (*BASE[:5], "_"),
    ],
)
def test_one_difference_makes_another_id(other):
    assert identified(*other)[1] != identified(*BASE)[1]


@given(st.tuples(DURATIONS, SEQUENCES), st.tuples(DURATIONS, SEQUENCES))
def test_no_sequence_can_be_mistaken_for_another_part(one, other):
    parts = [
        time_part(device_time(1), duration, sequence_text(text) or "") for duration, text in (one, other)
    ]
    long = sequence_text(one[1]) is None or sequence_text(other[1]) is None

    assert long or (parts[0] == parts[1]) == (one == other)


def test_the_precision_and_offset_of_a_time_do_not_change_the_identity():
    texts = ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z", "2026-01-31T13:00:00+01:00", 1769860800]

    assert len({identified(*BASE[:3], text, None, "")[1] for text in texts}) == 1


def test_without_the_key_an_id_cannot_be_guessed():
    assert identified(*BASE)[1] != identified(*BASE, key=b"x" * 32)[1]


def test_an_id_is_what_it_has_always_been():
    assert identified(*BASE) == (
        "d1_p1_heart-rate_1769860800000000000",
        "019c13ec-9e00-80fd-abac-51d9b11da0bb",
    )


@given(SEQUENCES, DURATIONS, SEQUENCES)
def test_a_record_is_mistaken_for_no_moment_and_its_id_is_a_uuid_without_a_time(record, duration, sequence):
    if (text := sequence_text(record)) is None or (other := sequence_text(sequence)) is None:
        return
    identifier = identifier_value("d1", "p1", "steps", record_part(text))
    moment = identifier_value("d1", "p1", "steps", time_part(device_time(1), duration, other))

    assert identifier != moment
    assert uuid.UUID(resource_id(b"k" * 32, None, identifier)).version == 8
    assert len({resource_id(b"k" * 32, None, f"{identifier}{each}")[:13] for each in range(20)}) == 20


def at(value, *effective):
    element = {"effectiveDateTime": effective[0]}
    if len(effective) > 1:
        element = {"effectivePeriod": dict(zip(("start", "end"), effective, strict=True))}
    return {"identifier": [{"value": value}], **element}


@pytest.mark.parametrize(
    ("value", "one", "other", "same"),
    [
        ("d_p_steps__a", ["2026-01-31T12:00:00Z"], ["2026-01-31T13:00:00+01:00"], True),
        ("d_p_steps__a", ["2026-01-31T12:00:00Z"], ["2026-01-31T12:00:01Z"], False),
        ("d_p_steps__a", ["2026-01-31"], ["2026-02-01"], False),
        (
            "d_p_steps__a",
            ["2026-01-31T12:00:00Z"] * 2,
            ["2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z"],
            False,
        ),
        ("d_p_steps_1__a", ["2026-01-31T12:00:00Z"], ["2026-01-31T12:00:00.1Z"], True),
    ],
)
def test_the_time_of_a_record_is_part_of_its_content(value, one, other, same):
    assert (fingerprint(at(value, *one)) == fingerprint(at(value, *other))) == same


def quantity(value, unit="%", text="%"):
    return {
        "valueQuantity": {"value": value, "unit": text, "system": "http://unitsofmeasure.org", "code": unit}
    }


class Lossless:
    """A number that keeps its text, as a JSON parser hands it over."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (quantity(98), quantity(Decimal("98.0"))),
        (quantity(Decimal("98.50")), quantity(Lossless("98.5"))),
        (quantity(0), quantity(Decimal("-0.00"))),
        (quantity(100), quantity(Decimal("100.0"))),
        (quantity(100), quantity(Decimal("1E+2"))),
        (quantity(98), {**quantity(98), "status": "amended", "issued": "2026-01-31T12:00:00Z", "id": "x"}),
        (
            quantity(98),
            {**quantity(98), "meta": {"versionId": "2"}, "effectiveDateTime": "2026-01-31T12:00:00Z"},
        ),
        (quantity(98), quantity(98, text="per cent")),
        (
            {"component": [{"code": {"coding": [{"code": "8480-6"}], "text": "Systolic"}}]},
            {"component": [{"code": {"coding": [{"code": "8480-6", "display": "Sys"}]}}]},
        ),
    ],
)
def test_equal_clinical_content_has_equal_fingerprints(one, other):
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    "other",
    [
        quantity(99),
        quantity(Decimal("98.01")),
        quantity(98, unit="1"),
        {"dataAbsentReason": {"coding": [{"code": "error"}]}},
        {"component": [quantity(98)]},
        {"valueString": "98"},
        {**quantity(98), "conclusion": "Normal"},
        {},
    ],
)
def test_different_clinical_content_has_different_fingerprints(other):
    assert fingerprint(quantity(98)) != fingerprint(other)


def test_no_digit_is_too_far_behind_to_count():
    one, other = (quantity(Decimal(f"97.{'0' * 35}{digit}")) for digit in (1, 2))

    assert fingerprint(one) != fingerprint(other)


def test_a_concept_that_is_only_text_is_told_by_its_text():
    assert fingerprint({"valueCodeableConcept": {"text": "awake"}}) != fingerprint(
        {"valueCodeableConcept": {"text": "asleep"}}
    )


def test_the_order_of_components_and_of_results_counts():
    one = {"component": [quantity(120), quantity(80)]}
    other = {"component": [quantity(80), quantity(120)]}

    assert fingerprint(one) != fingerprint(other)
