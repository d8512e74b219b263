"""Whatever a device signs is answered; nothing it sends is an error of ours."""

import json
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decoders.health_connect_types import RECORD_TYPES
from ingest.decoders.omh_schemas import SCHEMAS
from ingest.gateway import DEVICE_READINGS, OMH, PHD, READINGS, VITALS, WEARABLES
from ingest.retry import retry

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NUMBERS = st.sampled_from(
    [0, 1, 1772366400, 10**11, 10**12, -1, 1e308, "2026-03-01T12:00:00Z", "9999-12-31T23:59:60-14:00"]
)
FIELDS = st.dictionaries(
    st.sampled_from(["spo2", "pulse", "pi", "x", "timestamp", "patient", ""]), TREES | NUMBERS
)
READING = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": NUMBERS | TREES,
        "data": FIELDS | TREES,
        "patient": st.sampled_from(["p1", "Patient/p1", "p2"]) | TREES,
        "device": st.just("pi-001") | TREES,
        "sequence": TREES,
        "id": TREES,
        "corrects": TREES,
        "quality": st.just("good") | TREES,
        "more": TREES,
    },
)
BODIES = (
    st.binary(max_size=60)
    | TREES.map(lambda tree: json.dumps(tree).encode())
    | READING.map(lambda tree: json.dumps(tree).encode())
    | st.lists(READING, max_size=3).map(lambda tree: json.dumps(tree).encode())
    | FIELDS.map(lambda tree: json.dumps(tree).encode())
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, kind=st.sampled_from(["json", "ndjson"]), vitals=st.booleans())
async def test_every_signed_body_gets_an_answer_and_every_rejection_a_letter(bench, body, kind, vitals):
    endpoint, form = (VITALS, "api") if vitals else (READINGS, "ingest")
    bench.letters.kept.clear()
    bench.admissions.answers.clear()
    answer = await bench.gateway().answer(bench.signed(body, form=form), endpoint, kind)
    assert answer.status in {200, 207, 400, 422}
    said = json.loads(answer.body)
    results = [said] if "status" in said else said.get("results", [])
    rejected = sum(each["status"] == "rejected" for each in results) + (answer.status == 400)
    assert len(bench.letters.kept) == rejected


MORE_TIMES = NUMBERS | st.sampled_from(["2026-03-01", "2026-03-01T11:00:00.5Z", "1969-12-31T23:59:59Z", "x"])
MEASURE = st.dictionaries(
    st.sampled_from(["value", "unit", "inKilograms", "inCalories", "inKilocalories", "x"]),
    NUMBERS | TREES | st.sampled_from(["mg/dL", "mmHg", "beats/min", "C", "sec", "yr"]),
)
FRAME = st.dictionaries(
    st.sampled_from(
        ["date_time", "time_interval", "start_date_time", "end_date_time", "duration", "date", "x"]
    ),
    MORE_TIMES
    | MEASURE
    | st.dictionaries(
        st.sampled_from(["start_date_time", "end_date_time", "duration", "date", "part_of_day"]),
        MORE_TIMES | MEASURE | st.sampled_from(["evening", "2026-03-01", "2026-02-30"]),
    ),
)
SCHEMA = st.sampled_from(sorted(SCHEMAS)).map(
    lambda each: {"namespace": "omh", "name": each[0], "version": each[1]}
)
POINT = st.fixed_dictionaries(
    {
        "header": st.fixed_dictionaries(
            {"id": st.just("a") | TREES, "creation_date_time": MORE_TIMES, "schema_id": SCHEMA | TREES},
            optional={"acquisition_provenance": TREES, "user_id": TREES, "x": TREES},
        )
        | TREES,
        "body": st.dictionaries(
            st.sampled_from(
                [
                    "blood_glucose",
                    "heart_rate",
                    "body_temperature",
                    "systolic_blood_pressure",
                    "diastolic_blood_pressure",
                    "effective_time_frame",
                    "descriptive_statistic",
                    "specimen_source",
                    "user_notes",
                    "x",
                ]
            ),
            MEASURE | FRAME | TREES | st.sampled_from(["average", "count", "serum", "tears"]),
        )
        | TREES,
    }
)
STAGE = st.dictionaries(
    st.sampled_from(["startTime", "endTime", "stage", "x"]), MORE_TIMES | st.integers(-1, 9)
)
VALUES = st.dictionaries(
    st.sampled_from(
        [
            *("beatsPerMinute", "count", "percentage", "rate", "level", "weight", "energy", "temperature"),
            *("systolic", "diastolic", "samples", "stages", "specimenSource", "mealType", "bodyPosition"),
            *("zoneOffset", "title", "x"),
        ]
    ),
    MEASURE | TREES | NUMBERS | st.lists(STAGE, max_size=3) | st.integers(-1, 9),
)
RECORD = (
    st.tuples(
        st.dictionaries(st.sampled_from(["time", "startTime", "endTime"]), MORE_TIMES),
        st.fixed_dictionaries(
            {"metadata": st.just({"id": "a", "lastModifiedTime": "2026-03-01T11:00:00Z"}) | TREES}
        ),
        VALUES,
    ).map(lambda parts: parts[0] | parts[1] | parts[2])
    | st.fixed_dictionaries(
        {"id": st.just("a") | TREES, "start": MORE_TIMES, "end": MORE_TIMES, "data": VALUES | TREES}
    )
    | TREES
)
SYNC = st.dictionaries(
    st.sampled_from(sorted(RECORD_TYPES)) | st.text(max_size=8),
    st.lists(RECORD, max_size=3) | RECORD,
    max_size=3,
)


def results(answer):
    said = json.loads(answer.body).get("results", [])
    return [one for each in said.values() for one in each] if isinstance(said, dict) else said


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=POINT | st.lists(POINT | TREES, max_size=3) | TREES)
async def test_every_data_point_gets_an_answer_and_every_rejection_a_letter(bench, tree):
    bench.devices.known["pi-001"] = replace(bench.device, profile="phone")
    bench.letters.kept.clear()
    bench.admissions.answers.clear()
    answer = await bench.gateway().answer(bench.signed(json.dumps(tree).encode()), OMH, "json")
    assert answer.status in {200, 207, 400}
    rejected = sum(each["status"] == "rejected" for each in results(answer)) + (answer.status == 400)
    assert len(bench.letters.kept) == rejected


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=SYNC | TREES)
async def test_every_sync_gets_an_answer_and_every_rejected_record_a_letter_that_can_be_retried(bench, tree):
    bench.devices.known["pi-001"] = replace(bench.device, profile="phone")
    bench.letters.kept.clear()
    bench.admissions.answers.clear()
    request = bench.signed(json.dumps(tree).encode(), form="api", path="/api/wearables/sync")
    answer = await bench.gateway().answer(request, WEARABLES, "json")
    assert answer.status in {200, 207, 400}
    refused = [each for each in results(answer) if each["status"] == "rejected"]
    assert len(bench.letters.kept) == len(refused) + (answer.status == 400)
    for kept in list(bench.letters.kept)[:2]:
        assert (await retry(bench.pipeline, kept, bench.clock)).status == "rejected"


CODE = st.sampled_from(["150456", "149530", "150452", "150320", "150604", "67996", "67975", "68193", "x"])
CONCEPT = st.fixed_dictionaries(
    {
        "coding": st.lists(
            st.fixed_dictionaries(
                {"system": st.sampled_from(["urn:iso:std:iso:11073:10101", "http://loinc.org"]) | TREES},
                optional={"code": CODE | TREES, "display": TREES},
            )
            | TREES,
            max_size=2,
        )
        | TREES
    },
    optional={"text": TREES},
)
QUANTITY = st.dictionaries(
    st.sampled_from(["value", "unit", "system", "code", "comparator", "low", "high", "x"]),
    NUMBERS | TREES | st.sampled_from(["http://unitsofmeasure.org", "%", "1", "<", 97]),
)
SAMPLES = st.dictionaries(
    st.sampled_from(["origin", "period", "factor", "dimensions", "data", "lowerLimit"]),
    QUANTITY | NUMBERS | TREES | st.sampled_from(["1 2 E", "1  2", 1]),
)
REFERENCE = st.dictionaries(
    st.sampled_from(["reference", "identifier", "type", "display"]),
    st.sampled_from(["Patient/p1", "Device/pi-001", "urn:uuid:1", "Device", {"value": "pi-001"}]) | TREES,
)
VALUED = {
    "valueQuantity": QUANTITY | TREES,
    "valueSampledData": SAMPLES | TREES,
    "valueCodeableConcept": CONCEPT | TREES,
    "valueBoolean": TREES,
    "dataAbsentReason": CONCEPT | TREES,
}
EXTENSION = st.fixed_dictionaries(
    {"url": st.just("http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice") | TREES},
    optional={"valueReference": REFERENCE | TREES, "valueQuantity": QUANTITY, "extension": TREES, "x": TREES},
)
OBSERVATION = st.fixed_dictionaries(
    {"resourceType": st.just("Observation"), "status": st.just("final"), "code": CONCEPT | TREES},
    optional=VALUED
    | {
        "effectiveDateTime": MORE_TIMES,
        "effectivePeriod": st.dictionaries(st.sampled_from(["start", "end", "x"]), MORE_TIMES),
        "subject": REFERENCE | TREES,
        "device": REFERENCE | TREES,
        "performer": st.lists(REFERENCE, max_size=2) | TREES,
        "meta": st.dictionaries(st.sampled_from(["profile", "security"]), TREES),
        "extension": st.lists(EXTENSION, max_size=2) | TREES,
        "interpretation": st.lists(CONCEPT, max_size=2) | TREES,
        "component": st.lists(st.fixed_dictionaries({"code": CONCEPT}, optional=VALUED), max_size=2) | TREES,
        "identifier": TREES,
        "note": TREES,
        "x": TREES,
    },
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "fullUrl": st.just("urn:uuid:1") | TREES,
        "resource": OBSERVATION
        | st.fixed_dictionaries({"resourceType": st.sampled_from(["Device", "Patient"]), "id": st.just("p1")})
        | TREES,
    },
)
BUNDLE = st.fixed_dictionaries(
    {
        "resourceType": st.just("Bundle"),
        "type": st.sampled_from(["transaction", "collection"]) | TREES,
        "entry": st.lists(ENTRY, max_size=4) | TREES,
    }
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=OBSERVATION | BUNDLE | TREES)
async def test_every_bundle_gets_an_answer_and_every_rejected_observation_a_letter_that_can_be_retried(
    bench, tree
):
    bench.letters.kept.clear()
    bench.admissions.answers.clear()
    request = bench.signed(json.dumps(tree).encode(), path="/ingest/phd")
    answer = await bench.gateway().answer(request, PHD, "fhir")
    assert answer.status in {200, 207, 400}
    refused = [each for each in results(answer) if each["status"] == "rejected"]
    assert len(bench.letters.kept) == len(refused) + (answer.status == 400)
    for kept in list(bench.letters.kept)[:2]:
        assert (await retry(bench.pipeline, kept, bench.clock)).status == "rejected"


ADDRESSED = st.fixed_dictionaries(
    {},
    optional={
        "device_id": st.sampled_from(["pi-001", "other"]) | TREES,
        "patient_id": st.sampled_from(["p1", "p2"]) | TREES,
        "timestamp": NUMBERS | TREES,
        "data": FIELDS | TREES,
        "more": TREES,
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=ADDRESSED | st.lists(ADDRESSED | TREES, max_size=3) | TREES)
async def test_every_body_at_the_address_of_a_device_gets_an_answer_and_every_rejection_a_letter(bench, tree):
    bench.letters.kept.clear()
    bench.admissions.answers.clear()
    request = bench.signed(json.dumps(tree).encode(), form="api", path="/api/devices/pi-001/readings")
    answer = await bench.gateway().answer(request, DEVICE_READINGS, "json", "pi-001")
    assert answer.status in {200, 207, 400, 422}
    rejected = sum(each["status"] == "rejected" for each in results(answer)) + (answer.status == 400)
    assert len(bench.letters.kept) == rejected
