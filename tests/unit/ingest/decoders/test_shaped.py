from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoders.batch import json_batch
from ingest.decoders.reading import Series
from ingest.decoders.shaped import MOST, decode
from ingest.ports import Device
from mappers.declaration import parse
from mappers.mapped import MappingContext, Rejected
from mappers.observation import map_reading
from mappers.profiles import own_profile

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

BAND = """\
text: Wrist band
version: "1"
sequence: optional
shape: {time: at, time_unit: ms, device: watch.id, patient: wearer, sequence: seq}
fields:
  pulse: {metric: heart-rate, unit: /min, path: "sensors[?kind=='hr'].value | [0]"}
  temperature: {metric: body-temperature, unit_path: skin.unit, path: skin.value}
"""
SERIES = """\
text: Patch
version: "1"
shape: {readings: body.samples, time: t, patient: body.wearer}
fields:
  pulse: {metric: heart-rate, unit: /min, path: hr}
"""


@cache
def device(text=BAND):
    return Device(
        1, "uuid-1", "w-1", "band", False, (), (), NOW, own_profile("band", parse(text, "band.yaml"))
    )


def decoded(body, text=BAND):
    (item,) = json_batch(body, 10).items
    return decode(item, device(text), NOW)


def test_a_message_of_the_makers_own_form_is_read_by_its_paths():
    reading = decoded(
        b'{"at": 1772366400123, "watch": {"id": "w-1", "firmware": "7"}, "wearer": "p1", "seq": 41,'
        b' "sensors": [{"kind": "steps", "value": 7}, {"kind": "hr", "value": 61.50}],'
        b' "skin": {"value": 36.60, "unit": "Cel"}}'
    )

    assert reading.fields == {"pulse": Decimal("61.50"), "temperature": Decimal("36.60")}
    assert str(reading.fields["pulse"]) == "61.50"
    assert reading.units == {"temperature": "Cel"}
    assert (reading.patient, reading.sequence) == ("p1", "41")
    assert reading.time.text == "2026-03-01T12:00:00.123Z"
    assert reading.paths["temperature"] == "skin.value"


def test_what_is_not_sent_is_not_measured():
    reading = decoded(b'{"at": 1772366400000, "skin": {"value": null}}')

    assert (reading.fields, reading.patient, reading.sequence) == ({}, None, None)


@pytest.mark.parametrize("sent", [b'"n/a"', b'"61,5"', b"true", b'""'])
def test_what_is_no_number_where_one_is_made_of_it_is_refused_by_name(sent):
    text = BAND.replace("\"sensors[?kind=='hr'].value | [0]\"", "to_number(hr)")
    reading = decoded(b'{"at": 1772366400000, "hr": %s}' % sent, text)
    result = map_reading(reading, MappingContext("p1", "uuid-1", device(text).type, b"k" * 32))

    assert isinstance(result, Rejected)
    assert [(each.element, each.code) for each in result.issues] == [("pulse", "value")]


def test_each_of_a_list_of_readings_is_one_and_they_are_one_message():
    series = decoded(
        b'{"body": {"wearer": "p1", "samples": [{"t": 1772366400, "hr": 60}, {"t": 1772366460, "hr": 61}]}}',
        SERIES,
    )

    assert isinstance(series, Series)
    assert [(each.fields["pulse"], each.patient) for each in series.readings] == [(60, "p1"), (61, "p1")]
    assert series.readings[1].paths["pulse"] == "body.samples[1].hr"


@pytest.mark.parametrize(
    ("body", "text", "element", "complaint"),
    [
        (b'{"seq": 1}', BAND, "at", "at is missing"),
        (b'{"at": "noon"}', BAND, "at", "at 'noon' is not a time"),
        (b'{"at": 1772366400}', BAND, "at", "at 1772366400 is 1970-01-21T12:19:26.400Z in milliseconds"),
        (b'{"at": true}', BAND, "at", "at is true or false"),
        (b'{"at": 1e400}', BAND, "at", "at "),
        (b'{"at": 1772366400000, "watch": {"id": "w-2"}}', BAND, "watch.id", "names another device"),
        (b'{"at": 1772366400000, "seq": 1.5}', BAND, "seq", "seq is not a text"),
        (b'{"at": 1772366400000, "wearer": ["p1"]}', BAND, "wearer", "wearer is not a text"),
        (
            b'{"at": 1772366400000, "skin": {"value": [36]}}',
            BAND,
            "skin.value",
            "is a list and no single value",
        ),
        (
            b'{"at": 1772366400000, "skin": {"value": {}}}',
            BAND,
            "skin.value",
            "is an object and no single value",
        ),
        (b'{"at": 1772366400000, "skin": {"value": 36, "unit": 1}}', BAND, "skin.unit", "is no text"),
        (b'{"body": {}}', SERIES, "body.samples", "is no list of readings"),
        (b'{"body": {"samples": []}}', SERIES, "body.samples", "is no list of readings"),
        (b'{"body": {"samples": [{"hr": 60}]}}', SERIES, "body.samples[0].t", "body.samples[0].t is missing"),
        (b'{"body": {"samples": [7]}}', SERIES, "body.samples[0].t", "is missing"),
        (b'{"body": {"samples": [%s7]}}' % (b"7," * MOST), SERIES, "body.samples", f"Send at most {MOST}"),
    ],
)
def test_what_is_wrong_is_said_with_its_path_in_the_message(body, text, element, complaint):
    (issue, *_) = decoded(body, text)

    assert issue.element == element
    assert complaint in issue.diagnostics


def test_a_path_that_does_not_apply_is_said_and_nothing_is_taken():
    text = BAND.replace("kind=='hr'", "kind > `3`")
    (issue,) = decoded(b'{"at": 1772366400000, "sensors": [{"kind": "hr", "value": 61}]}', text)

    assert (issue.code, issue.element) == ("structure", "sensors[?kind > `3`].value | [0]")


NAMES = [
    "at",
    "watch",
    "id",
    "wearer",
    "seq",
    "sensors",
    "kind",
    "value",
    "skin",
    "unit",
    "body",
    "samples",
    "t",
    "hr",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["hr", "w-1", "p1", "Cel", "2026-03-01T12:00:00Z", ""])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text", [BAND, SERIES, BAND.replace("kind=='hr'", "kind > `3` && contains(value, 'x')")]
)
@settings(max_examples=50, deadline=None)
@given(tree=st.dictionaries(st.sampled_from(NAMES), TREES))
def test_whatever_is_sent_becomes_readings_or_issues_that_name_a_path(text, tree):
    found = decode(tree, device(text), NOW)

    if isinstance(found, tuple):
        assert found
        assert all(issue.element for issue in found)
