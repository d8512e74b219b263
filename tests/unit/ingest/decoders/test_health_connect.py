"""Health Connect records: what each type says, and what becomes of it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ingest.decoders.batch import json_batch
from ingest.decoders.health_connect import MAX_SAMPLES, decode
from ingest.decoders.reading import Series
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.observation import map_reading
from mappers.profile import device_profile
from mappers.reading import Reading

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHONE = Device(1, "d1", "phone-1", "phone", False, (), (), NOW)
CONTEXT = MappingContext("p1", "d1", device_profile("phone"), b"k" * 32)
METADATA = {
    "id": "28ce0948-8cc1-4620-9dfb-2c1dd2d4b46a",
    "lastModifiedTime": "2026-02-21T10:03:37.916Z",
    "dataOrigin": "com.google.android.apps.fitness",
    "recordingMethod": 2,
    "clientRecordId": None,
    "clientRecordVersion": 0,
    "device": {"manufacturer": "Google", "model": "Pixel Watch", "type": 1},
}
MOMENT = {"time": "2026-02-21T10:03:00Z", "metadata": METADATA}
HOUR = {"startTime": "2026-02-21T10:00:00Z", "endTime": "2026-02-21T11:00:00Z", "metadata": METADATA}


def decoded(name, record):
    (item,) = json_batch(json.dumps({name: [record]}).encode(), 1).items
    return decode(item, PHONE, NOW)


def elements(name, record):
    result = decoded(name, record)
    assert isinstance(result, tuple), result
    return [issue.element for issue in result]


def mapped(name, record):
    reading = decoded(name, record)
    assert isinstance(reading, Reading), reading
    result = map_reading(reading, CONTEXT)
    assert isinstance(result, Mapped), result
    return result.resources


def found(resource):
    quantity = resource["valueQuantity"]
    return resource["code"]["coding"][0]["code"], str(quantity["value"]), quantity["code"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("restingHeartRate", MOMENT | {"beatsPerMinute": 58}, ("40443-4", "58", "/min")),
        (
            "heartRateVariabilityRmssd",
            MOMENT | {"heartRateVariabilityMillis": 42.5},
            ("heart-rate-variability-rmssd", "42.5", "ms"),
        ),
        ("oxygenSaturation", MOMENT | {"percentage": 97}, ("2708-6", "97", "%")),
        ("OxygenSaturation", MOMENT | {"percentage": {"value": 97.5}}, ("2708-6", "97.5", "%")),
        ("respiratoryRate", MOMENT | {"rate": 14}, ("9279-1", "14", "/min")),
        (
            "bodyTemperature",
            MOMENT | {"temperature": {"inCelsius": 36.7, "inFahrenheit": 98.06}},
            ("8310-5", "36.7", "Cel"),
        ),
        ("weight", MOMENT | {"weight": {"inKilograms": 70.5, "inGrams": 70500}}, ("29463-7", "70.5", "kg")),
        ("height", MOMENT | {"height": {"inMeters": 1.75}}, ("8302-2", "175", "cm")),
        ("bloodGlucose", MOMENT | {"level": {"inMillimolesPerLiter": 5.3}}, ("15074-8", "5.3", "mmol/L")),
        (
            "bloodGlucose",
            MOMENT | {"level": {"inMilligramsPerDeciliter": 95}, "specimenSource": 2},
            ("41653-7", "95", "mg/dL"),
        ),
        ("steps", HOUR | {"count": 1234}, ("55423-8", "1234", "{steps}")),
    ],
)
def test_each_type_has_its_code_value_and_unit(name, values, expected):
    (resource,) = mapped(name, values)

    assert found(resource) == expected


@pytest.mark.parametrize(
    "energy",
    [{"inKilocalories": 250}, {"inCalories": 250_000}, {"inKilocalories": 250, "inCalories": 250_000}],
)
def test_a_small_calorie_is_never_taken_for_a_large_one(energy):
    (resource,) = mapped("totalCaloriesBurned", HOUR | {"energy": energy})

    assert found(resource)[0] == "41981-2"
    assert resource["valueQuantity"]["value"] == 250
    assert resource["valueQuantity"]["code"] == "kcal"


def test_energy_that_contradicts_itself_or_has_no_unit_is_refused():
    assert elements("totalCaloriesBurned", HOUR | {"energy": {"inKilocalories": 250, "inCalories": 250}}) == [
        "energy"
    ]
    assert elements("totalCaloriesBurned", HOUR | {"energy": 250}) == ["energy"]
    assert elements("totalCaloriesBurned", HOUR | {"energy": {"inJoules": 250}}) == ["energy"]


def test_energy_of_activity_alone_is_not_coded_as_all_of_it():
    (resource,) = mapped("activeCaloriesBurned", HOUR | {"energy": {"inKilocalories": 250}})

    assert found(resource) == ("calories-active", "250", "kcal")


def test_blood_pressure_keeps_posture_and_site():
    sent = MOMENT | {
        "systolic": {"inMillimetersOfMercury": 123},
        "diastolic": {"inMillimetersOfMercury": 77},
        "bodyPosition": 2,
        "measurementLocation": 3,
    }
    (resource,) = mapped("bloodPressure", sent)

    assert [each["valueQuantity"]["value"] for each in resource["component"]] == [123, 77]
    assert resource["bodySite"] == {"text": "left upper arm"}
    assert resource["extension"][0]["valueCodeableConcept"] == {"text": "sitting"}
    assert {each["text"] for each in resource["note"]} == {
        "source: com.google.android.apps.fitness",
        "automatically recorded",
        "measured by: Google Pixel Watch (type 1)",
        "version at the source: 0",
    }


def test_what_was_entered_by_hand_is_asserted_by_the_patient():
    metadata = METADATA | {"recordingMethod": 3}
    (resource,) = mapped("respiratoryRate", MOMENT | {"rate": 14, "metadata": metadata})

    assert resource["performer"] == [{"reference": "Patient/p1"}]


def test_a_record_as_the_gateway_keeps_it_is_the_same_record():
    kept = {
        "_id": METADATA["id"],
        "id": METADATA["id"],
        "app": "com.example",
        "start": HOUR["startTime"],
        "end": HOUR["endTime"],
        "data": {"count": 1234},
    }
    (resource,) = mapped("steps", kept)

    assert resource["id"] == mapped("steps", HOUR | {"count": 1234})[0]["id"]
    assert resource["effectivePeriod"] == {"start": HOUR["startTime"], "end": HOUR["endTime"]}


def test_the_platforms_last_change_makes_it_a_correction_of_what_was_before():
    reading = decoded("steps", HOUR | {"count": 1234})

    assert (reading.sequence, reading.corrects) == (METADATA["id"], True)
    assert reading.revised == datetime(2026, 2, 21, 10, 3, 37, 916_000, tzinfo=UTC)


def test_each_sample_of_a_heart_rate_is_a_reading_at_its_own_time():
    samples = [{"time": f"2026-02-21T10:00:0{number}Z", "beatsPerMinute": 60 + number} for number in range(3)]
    series = decoded("heartRate", HOUR | {"samples": samples})

    assert isinstance(series, Series)
    assert [each.fields["heartRate"] for each in series.readings] == [60, 61, 62]
    assert [each.time.text[-3:] for each in series.readings] == ["00Z", "01Z", "02Z"]
    assert {each.duration for each in series.readings} == {None}
    assert series.readings[2].paths["heartRate"] == "samples[2].beatsPerMinute"


STAGES = [
    {"startTime": "2026-02-20T23:00:00Z", "endTime": "2026-02-20T23:10:00Z", "stage": 1},
    {"startTime": "2026-02-20T23:10:00Z", "endTime": "2026-02-21T01:00:00Z", "stage": 4},
    {"startTime": "2026-02-21T01:00:00Z", "endTime": "2026-02-21T02:30:30Z", "stage": 5},
    {"startTime": "2026-02-21T02:30:30Z", "endTime": "2026-02-21T03:00:30Z", "stage": 6},
    {"startTime": "2026-02-21T03:00:30Z", "endTime": "2026-02-21T03:05:30Z", "stage": 3},
    {"startTime": "2026-02-21T03:05:30Z", "endTime": "2026-02-21T04:05:30Z", "stage": 2},
]
NIGHT = {"startTime": "2026-02-20T23:00:00Z", "endTime": "2026-02-21T06:00:00Z", "metadata": METADATA}


def test_the_stages_of_sleep_are_summed_up():
    resources = mapped("sleepSession", NIGHT | {"stages": STAGES, "title": "Night"})

    assert {found(each)[0]: found(each)[1] for each in resources} == {
        "93832-4": "290.50",
        "93831-6": "90.50",
        "93830-8": "110",
        "93829-0": "30",
        "93828-2": "15",
    }
    assert {"text": "Night"} in resources[0]["note"]
    assert resources[0]["effectivePeriod"]["end"] == NIGHT["endTime"]


def test_a_session_without_stages_says_that_it_has_none():
    (resource,) = mapped("sleepSession", NIGHT)

    assert found(resource) == ("93832-4", "420", "min")
    assert any("no stages" in each["text"] for each in resource["note"])


@pytest.mark.parametrize(
    ("name", "record", "expected"),
    [
        ("nutrition", MOMENT, ["nutrition"]),
        ("weight", 5, ["weight"]),
        ("weight", {}, ["metadata", "startTime", "endTime"]),
        ("weight", MOMENT, ["weight"]),
        ("weight", MOMENT | {"weight": {"inKilograms": 70.5, "inPounds": 70.5}}, ["weight"]),
        ("weight", MOMENT | {"weight": {"inStones": 11}}, ["weight.inStones", "weight"]),
        ("weight", MOMENT | {"weight": {"inKilograms": "70"}}, ["weight.inKilograms", "weight"]),
        ("weight", MOMENT | {"weight": {"inKilograms": 70}, "mood": 1}, ["mood"]),
        ("steps", MOMENT | {"count": 5}, ["time"]),
        ("steps", HOUR | {"count": 5, "endTime": "2026-02-21T09:00:00Z"}, ["endTime"]),
        (
            "steps",
            {"id": "a", "_id": "b", "start": HOUR["startTime"], "end": HOUR["endTime"], "data": {"count": 1}},
            ["_id"],
        ),
        ("steps", HOUR | {"count": True}, ["count"]),
        (
            "bloodGlucose",
            MOMENT | {"level": {"inMillimolesPerLiter": 5}, "specimenSource": 5},
            ["specimenSource"],
        ),
        ("bloodGlucose", MOMENT | {"level": {"inMillimolesPerLiter": 5}, "mealType": 9}, ["mealType"]),
        ("heartRate", HOUR, ["samples"]),
        ("heartRate", HOUR | {"samples": []}, ["samples"]),
        ("heartRate", HOUR | {"samples": [{}] * (MAX_SAMPLES + 1)}, ["samples"]),
        (
            "heartRate",
            HOUR | {"samples": [{"time": HOUR["startTime"], "beatsPerMinute": 60}] * 2},
            ["samples[1].time"],
        ),
        (
            "heartRate",
            HOUR | {"samples": [{"time": "2026-02-21T11:00:00.001Z", "beatsPerMinute": 60}]},
            ["samples[0].time"],
        ),
        (
            "heartRate",
            HOUR | {"samples": [{"time": "2026-02-21T09:59:59Z", "beatsPerMinute": 60}]},
            ["samples[0].time"],
        ),
        (
            "bodyTemperature",
            MOMENT | {"temperature": {"inCelsius": 36.8, "inFahrenheit": 104}},
            ["temperature"],
        ),
        ("sleepSession", NIGHT | {"stages": [STAGES[0] | {"stage": 8}]}, ["stages[0].stage"]),
        ("sleepSession", NIGHT | {"stages": [STAGES[1], STAGES[1]]}, ["stages[1].startTime"]),
        (
            "sleepSession",
            NIGHT | {"stages": STAGES, "endTime": "2026-02-21T04:00:00Z"},
            ["stages[5].endTime"],
        ),
    ],
)
def test_what_a_record_may_not_say_is_refused_by_its_member(name, record, expected):
    assert elements(name, record) == expected


def test_of_a_record_with_many_mistakes_no_more_than_a_few_are_said():
    assert len(elements("heartRate", HOUR | {"samples": [{}] * 1000})) <= 20


def test_a_temperature_in_both_units_is_one_temperature():
    (resource,) = mapped(
        "bodyTemperature", MOMENT | {"temperature": {"inCelsius": 36.8, "inFahrenheit": 98.2}}
    )
    assert found(resource) == ("8310-5", "36.8", "Cel")


def test_a_sample_at_either_end_of_its_record_is_within_it():
    ends = [{"time": HOUR[end], "beatsPerMinute": 60} for end in ("startTime", "endTime")]
    assert len(decoded("heartRate", HOUR | {"samples": ends}).readings) == 2


def test_a_period_keeps_its_length():
    assert decoded("steps", HOUR | {"count": 1}).duration == timedelta(hours=1)
    assert mapped("steps", HOUR | {"count": 1})[0]["valueQuantity"]["value"] == Decimal(1)
