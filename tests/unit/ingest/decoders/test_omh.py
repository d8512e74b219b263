"""Open mHealth data points: what each version of a schema may say, and what becomes of it.

That project's own cases (`<schema>/<version>/shouldPass|shouldFail/*.json`) are among them where they are beside this one.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ingest.decoders.batch import json_batch
from ingest.decoders.omh import decode
from ingest.decoders.omh_schemas import SCHEMAS
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.observation import map_reading
from mappers.profile import device_profile
from mappers.reading import Reading
from tests.data.real_input import FOLDER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHONE = Device(1, "d1", "phone-1", "phone", False, (), (), NOW)
CONTEXT = MappingContext("p1", "d1", device_profile("phone"), b"k" * 32)
POINT = {"date_time": "2020-02-05T07:25:00-08:00"}
WEEK = {
    "time_interval": {
        "start_date_time": "2020-02-05T07:00:00-08:00",
        "end_date_time": "2020-02-12T07:00:00-08:00",
    }
}
EVENING = {"time_interval": {"date": "2020-02-05", "part_of_day": "evening"}}
PRESSURES = {
    "systolic_blood_pressure": {"value": 125, "unit": "mmHg"},
    "diastolic_blood_pressure": {"value": 60, "unit": "mmHg"},
}


def quantity(value, unit):
    return {"value": value, "unit": unit}


RATE = {"heart_rate": quantity(50, "beats/min")}
GLUCOSE = {"blood_glucose": quantity(95, "mg/dL")}
WARM = {"body_temperature": quantity(97, "F")}
TIMED = {"effective_time_frame": POINT}
SCHEMA = {"namespace": "omh", "name": "heart-rate", "version": "2.0"}


def header(name="heart-rate", version="2.0", **more):
    return {
        "id": "123e4567-e89b-12d3-a456-426655440000",
        "creation_date_time": "2020-02-06T07:25:00Z",
        "schema_id": {"namespace": "omh", "name": name, "version": version},
        "acquisition_provenance": {"source_name": "RunKeeper", "modality": "sensed"},
    } | more


def point(name, version, body, **more):
    return {"header": header(name, version, **more), "body": body}


def decoded(tree):
    (item,) = json_batch(json.dumps(tree).encode(), 1).items
    return decode(item, PHONE, NOW)


def elements(tree):
    result = decoded(tree)
    assert isinstance(result, tuple), result
    assert all(issue.element in issue.diagnostics for issue in result)
    return sorted(issue.element for issue in result)


def mapped(tree):
    reading = decoded(tree)
    assert isinstance(reading, Reading), reading
    result = map_reading(reading, CONTEXT)
    assert isinstance(result, Mapped), result
    return result.resources


OWN_PASSES = [
    ("blood-glucose", "1.0", GLUCOSE | {"blood_specimen_type": "serum", "user_notes": "fine"}),
    ("blood-glucose", "1.0", GLUCOSE | {"temporal_relationship_to_sleep": "on waking"}),
    ("blood-glucose", "2.0", GLUCOSE | {"specimen_source": "interstitial fluid"}),
    ("blood-glucose", "3.0", GLUCOSE | TIMED | {"specimen_source": "capillary blood"}),
    ("blood-glucose", "4.0", GLUCOSE | TIMED | {"temporal_relationship_to_meal": "2 hours postprandial"}),
    ("blood-pressure", "1.0", PRESSURES | {"position_during_measurement": "sitting"}),
    ("blood-pressure", "1.0", PRESSURES | {"effective_time_frame": EVENING}),
    ("blood-pressure", "2.0", PRESSURES | {"body_posture": "semi-recumbent"}),
    ("blood-pressure", "3.0", PRESSURES | {"effective_time_frame": WEEK, "descriptive_statistic": "maximum"}),
    ("blood-pressure", "3.1", PRESSURES | TIMED | {"temporal_relationship_to_physical_activity": "at rest"}),
    ("blood-pressure", "4.0", PRESSURES | TIMED | {"measurement_location": "left wrist"}),
    ("body-temperature", "1.0", WARM | {"measurement_location": "otic"}),
    ("body-temperature", "2.0", WARM | TIMED | {"measurement_location": "forehead"}),
    ("body-temperature", "3.0", WARM | TIMED | {"temporal_relationship_to_sleep": "on waking"}),
    ("body-temperature", "4.0", {"body_temperature": quantity(36, "C")} | TIMED),
    ("heart-rate", "1.0", RATE | {"user_notes": "dizzy\nand cold"}),
    ("heart-rate", "1.1", RATE | {"temporal_relationship_to_sleep": "during sleep"}),
    ("heart-rate", "2.0", RATE | {"effective_time_frame": WEEK, "descriptive_statistic": "average"}),
]
OWN_FAILURES = [
    *((name, version, {}, "body") for name, version in SCHEMAS),
    ("blood-glucose", "1.0", GLUCOSE | {"blood_specimen_type": "plsma"}, "body.blood_specimen_type"),
    ("blood-glucose", "1.0", GLUCOSE | {"specimen_source": "serum"}, "body.specimen_source"),
    ("blood-glucose", "2.0", GLUCOSE | {"specimen_source": "fluid"}, "body.specimen_source"),
    ("blood-glucose", "4.0", GLUCOSE | TIMED | {"specimen_source": "sweat"}, "body.specimen_source"),
    ("blood-glucose", "3.0", GLUCOSE, "body.effective_time_frame"),
    ("blood-glucose", "2.0", GLUCOSE | {"descriptive_statistic": "minmum"}, "body.descriptive_statistic"),
    ("blood-glucose", "2.0", GLUCOSE | {"descriptive_statistic": "count"}, "body.descriptive_statistic"),
    ("blood-glucose", "2.0", {"blood_glucose": quantity(95, "mg/L")}, "body.blood_glucose.unit"),
    ("blood-glucose", "2.0", {"blood_glucose": quantity("95", "mg/dL")}, "body.blood_glucose.value"),
    ("blood-pressure", "2.0", PRESSURES | {"position_during_measurement": "sitting"}, "body.position"),
    ("blood-pressure", "3.0", PRESSURES | TIMED | {"user_notes": "dizzy"}, "body.user_notes"),
    ("blood-pressure", "4.0", PRESSURES | {"effective_time_frame": EVENING}, "body.effective_time_frame"),
    ("body-temperature", "2.0", WARM | TIMED | {"measurement_location": "otic"}, "body.measurement_location"),
    ("heart-rate", "1.0", {"heart_rate": quantity(60, "beat/min")}, "body.heart_rate.unit"),
    ("heart-rate", "1.0", RATE | {"temporal_relationship_to_sleep": "on waking"}, "body.temporal"),
]
FILES = [
    (path.parts[-4], path.parts[-3], json.loads(path.read_text(encoding="utf-8")), path.parts[-2])
    for path in sorted((FOLDER / "omh").glob("*/*/*/*.json"))
]


@pytest.mark.parametrize(
    ("name", "version", "body"),
    OWN_PASSES + [each[:3] for each in FILES if each[3] == "shouldPass" and each[:2] in SCHEMAS],
)
def test_what_a_schema_allows_becomes_observations(name, version, body):
    resources = mapped(point(name, version, body))

    assert len(resources) == (2 if name == "blood-pressure" and "descriptive_statistic" in body else 1)


@pytest.mark.parametrize(
    ("name", "version", "body", "element"),
    OWN_FAILURES + [(*each[:3], "body") for each in FILES if each[3] == "shouldFail" and each[:2] in SCHEMAS],
)
def test_what_a_schema_does_not_allow_is_refused_by_the_member_to_blame(name, version, body, element):
    found = elements(point(name, version, body))

    assert found
    assert all(each.startswith(element) for each in found), found


@pytest.mark.parametrize(
    ("sent", "element"),
    [
        ({"creation_date_time": "201-02-05T07:25:00Z"}, "header.creation_date_time"),
        ({"id": None}, "header.id"),
        ({"id": 1}, "header.id"),
        ({"user_id": 1}, "header.user_id"),
        ({"acquisition_provenance": {"modality": "sensed"}}, "header.acquisition_provenance.source_name"),
        (
            {"acquisition_provenance": {"source_name": "x", "modality": "recorded"}},
            "header.acquisition_provenance.modality",
        ),
        (
            {"schema_id": {"namespace": "ieee", "name": "heart-rate", "version": "2.0"}},
            "header.schema_id.namespace",
        ),
        (
            {"schema_id": {"namespace": "omh", "name": "step-count", "version": "1.0"}},
            "header.schema_id.name",
        ),
        (
            {"schema_id": {"namespace": "omh", "name": "heart-rate", "version": "9.0"}},
            "header.schema_id.version",
        ),
        ({"more": 1}, "header.more"),
    ],
)
def test_a_wrong_header_is_refused_by_its_member(sent, element):
    assert elements(point("heart-rate", "2.0", RATE | TIMED, **sent)) == [element]


@pytest.mark.parametrize(
    "tree",
    [each[2] for each in FILES if each[0] == "header" and each[3] == "shouldPass"] + [header(user_id="u")],
)
def test_a_right_header_is_taken_whatever_version_it_is_of(tree):
    assert mapped({"header": tree | {"schema_id": SCHEMA}, "body": RATE | TIMED})


@pytest.mark.parametrize(
    "tree",
    [each[2] for each in FILES if each[0] == "header" and each[3] == "shouldFail"] + [header(user_id=1)],
)
def test_a_header_that_is_not_right_is_refused_for_itself(tree):
    found = elements({"header": tree | {"schema_id": SCHEMA}, "body": RATE | TIMED})

    assert found
    assert all(each.startswith("header.") for each in found)


@pytest.mark.parametrize(
    ("tree", "kind"),
    [(each[2], each[3]) for each in FILES if each[0] == "data-point"]
    + [(point("physical-activity", "1.0", {}), "shouldPass")],
)
def test_a_data_point_of_a_schema_that_no_code_is_confirmed_for_is_refused_by_its_name(tree, kind):
    found = elements(tree)

    assert found == ["header.schema_id.name"] if kind == "shouldPass" else found


@pytest.mark.parametrize("tree", [{}, {"header": header()}, {"body": RATE}, {"header": [], "body": RATE}])
def test_a_data_point_needs_header_and_body(tree):
    assert set(elements(tree)) <= {"header", "body"}


def test_every_unit_becomes_its_ucum_code_and_is_converted_exactly():
    (celsius,) = mapped(point("body-temperature", "3.0", {"body_temperature": quantity(96.5, "F")} | TIMED))
    (molar,) = mapped(point("blood-glucose", "3.0", {"blood_glucose": quantity(5.3, "mmol/L")} | TIMED))

    assert celsius["valueQuantity"]["code"] == "Cel"
    assert celsius["valueQuantity"]["value"] == Decimal("35.83")
    assert molar["code"]["coding"][0]["code"] == "15074-8"
    assert molar["valueQuantity"]["value"] == Decimal("5.3")


@pytest.mark.parametrize(
    ("specimen", "code"),
    [
        ("whole blood", "2339-0"),
        ("capillary blood", "41653-7"),
        ("interstitial fluid", "99504-3"),
        ("serum", "glucose-serum-plasma"),
    ],
)
def test_the_specimen_decides_the_code_of_glucose(specimen, code):
    (resource,) = mapped(point("blood-glucose", "2.0", GLUCOSE | {"specimen_source": specimen}))

    assert resource["code"]["coding"][0]["code"] == code
    assert resource["specimen"] == {"display": specimen}


def test_what_surrounds_the_measurement_is_kept():
    body = (
        PRESSURES
        | TIMED
        | {
            "body_posture": "sitting",
            "measurement_location": "left wrist",
            "temporal_relationship_to_physical_activity": "at rest",
        }
    )
    source = {"source_name": "RunKeeper", "modality": "self-reported", "source_data_point_id": "149"}
    (resource,) = mapped(point("blood-pressure", "4.0", body, acquisition_provenance=source, user_id="u1"))

    assert resource["bodySite"] == {"text": "left wrist"}
    assert resource["performer"] == [{"reference": "Patient/p1"}]
    assert {each["text"] for each in resource["note"]} == {
        "Open mHealth blood-pressure 4.0",
        "source: RunKeeper",
        "id at the source: 149",
        "modality: self-reported",
        "created: 2020-02-06T07:25:00Z",
        "user of the source: u1",
        "relation to physical activity: at rest",
    }


@pytest.mark.parametrize(
    ("frame", "element", "expected"),
    [
        (POINT, "effectiveDateTime", "2020-02-05T07:25:00-08:00"),
        (
            WEEK,
            "effectivePeriod",
            {"start": "2020-02-05T07:00:00-08:00", "end": "2020-02-12T07:00:00-08:00"},
        ),
        (
            {"time_interval": {"start_date_time": "2020-02-05T07:00:00Z", "duration": quantity(90, "min")}},
            "effectivePeriod",
            {"start": "2020-02-05T07:00:00Z", "end": "2020-02-05T08:30:00Z"},
        ),
        (
            {"time_interval": {"end_date_time": "2020-02-05T07:00:00Z", "duration": quantity(0.5, "h")}},
            "effectivePeriod",
            {"start": "2020-02-05T06:30:00Z", "end": "2020-02-05T07:00:00Z"},
        ),
        (EVENING, "effectiveDateTime", "2020-02-05"),
    ],
)
def test_a_time_frame_is_a_moment_or_a_period(frame, element, expected):
    (resource,) = mapped(point("heart-rate", "2.0", RATE | {"effective_time_frame": frame}))

    assert resource[element] == expected


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"start_date_time": "2020-02-05T07:00:00Z"},
        POINT | WEEK,
        {"date_time": "2020-02-05T07:25:00"},
        {"time_interval": {"start_date_time": "2020-02-05T07:00:00Z"}},
        {"time_interval": {"date": "2020-02-30", "part_of_day": "evening"}},
        {"time_interval": {"date": "2020-02-05", "part_of_day": "dusk"}},
        {"time_interval": {"start_date_time": "2020-02-05T07:00:00Z", "duration": quantity(1, "Mo")}},
        {"time_interval": {"start_date_time": "2020-02-05T07:00:00Z", "duration": quantity(-1, "h")}},
        {"time_interval": {"end_date_time": "1970-01-01T07:00:00Z", "duration": quantity(9, "h")}},
        {"time_interval": WEEK["time_interval"] | {"duration": quantity(1, "h")}},
    ],
)
def test_a_time_frame_that_states_no_one_time_is_refused(frame):
    found = elements(point("heart-rate", "2.0", RATE | {"effective_time_frame": frame}))

    assert all(each.startswith("body.effective_time_frame") for each in found)


def test_an_end_before_the_start_is_kept_in_words_only():
    backwards = {
        "time_interval": {
            "start_date_time": "2023-02-05T06:00:00-08:00",
            "end_date_time": "2020-03-06T06:00:00-08:00",
        }
    }
    (resource,) = mapped(point("body-temperature", "4.0", WARM | {"effective_time_frame": backwards}))

    assert resource["effectiveDateTime"] == "2023-02-05T06:00:00-08:00"
    assert any("2020-03-06T06:00:00-08:00" in each["text"] for each in resource["note"])


def test_a_measurement_without_a_time_has_that_of_its_creation_and_says_so():
    (resource,) = mapped(point("heart-rate", "1.0", RATE))

    assert resource["effectiveDateTime"] == "2020-02-06T07:25:00Z"
    assert any("time of measurement was not stated" in each["text"] for each in resource["note"])


def test_the_id_of_the_header_tells_two_points_of_one_moment_apart():
    one = mapped(point("heart-rate", "2.0", RATE | TIMED))
    same = mapped(point("heart-rate", "2.0", RATE | TIMED, user_id="other"))
    other = mapped(point("heart-rate", "2.0", RATE | TIMED, id="another"))

    assert one[0]["id"] == same[0]["id"] != other[0]["id"]


def test_a_point_that_its_source_modified_corrects_the_earlier_one():
    source = {"source_name": "x", "source_last_modification_date_time": "2020-03-01T00:00:00Z"}
    reading = decoded(point("heart-rate", "2.0", RATE | TIMED, acquisition_provenance=source))

    assert reading.corrects
    assert reading.revised == datetime(2020, 3, 1, tzinfo=UTC)
    assert not decoded(point("heart-rate", "2.0", RATE | TIMED)).corrects


def test_a_duration_is_exact():
    frame = {"time_interval": {"start_date_time": "2020-02-05T07:00:00Z", "duration": quantity(1.5, "sec")}}
    reading = decoded(point("heart-rate", "2.0", RATE | {"effective_time_frame": frame}))

    assert reading.duration == timedelta(seconds=1, milliseconds=500)
