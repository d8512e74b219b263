"""What apps read of one patient."""

import json
from dataclasses import replace

import pytest

from fhir_server.rest.api import patients
from fhir_server.rest.api.patient_models import CombinedData, LiveData, PatientDevices
from smart_auth.principal import Principal

LOINC = "http://loinc.org"
SPO2, PULSE = "2708-6", "8867-4"


def reading(moment, **data):
    return {"timestamp": moment, "data": data}


@pytest.fixture
async def patient(client, fhir):
    for id in ("p1", "p2"):
        await client.put(f"/fhir/Patient/{id}", **fhir({"resourceType": "Patient", "id": id}))


@pytest.fixture
async def ward(client, patient, register, send):
    """An oximeter and a cuff on p1, with three readings of the one and one of the other."""
    oximeter = (await register("pi-001")).json()
    cuff = (await register("bp-001", "blood-pressure")).json()
    sent = await send(
        oximeter,
        reading("2026-03-01T12:00:10Z", spo2=97.50, pulseRate=70),
        reading("2026-03-01T12:04:59.999Z", spo2=98, pulseRate=71),
        reading("2026-03-01T12:05:00Z", spo2=96, pulseRate=73),
    )
    assert {each["status"] for each in sent.json()["results"]} == {"created"}, sent.text
    sent = await send(cuff, reading("2026-03-01T12:03:00Z", systolic=120, diastolic=80, pulseRate=75))
    assert sent.json()["results"][0]["status"] == "created", sent.text
    return {"pi-001": oximeter, "bp-001": cuff}


async def combined(client, query="start=2026-03-01T12:00:00Z&end=2026-03-01T13:00:00Z&window=5m"):
    answer = await client.get(f"/api/patients/p1/combined-data?{query}")
    assert answer.status_code == 200, answer.text
    CombinedData.model_validate(answer.json(), extra="forbid")
    return json.loads(answer.content, parse_float=str)


async def test_the_devices_of_a_patient_are_told_with_their_times(client, ward):
    end = {"end": "2026-04-01T00:00:00Z"}
    await client.post("/api/devices/bp-001/assignment", json=end)
    answer = await client.get("/api/patients/p1/devices")
    PatientDevices.model_validate(answer.json(), extra="forbid")
    told = {each["device_id"]: each for each in answer.json()["devices"]}
    assert set(told) == {"pi-001", "bp-001"}
    assert (told["pi-001"]["current"], told["pi-001"]["end"]) == (True, None)
    assert told["pi-001"]["connection"] == "connected"
    assert (told["bp-001"]["current"], told["bp-001"]["end"]) == (False, "2026-04-01T00:00:00.000Z")
    assert (await client.get("/api/patients/p2/devices")).json()["devices"] == []


async def test_a_device_or_use_that_was_deleted_is_not_told_of(client, ward):
    await client.delete(f"/fhir/{ward['pi-001']['device']}")
    await client.delete(f"/fhir/{ward['bp-001']['assignment']}")
    assert (await client.get("/api/patients/p1/devices")).json()["devices"] == []


async def test_live_data_is_the_latest_of_each_metric_with_every_digit(client, ward, send):
    await send(ward["pi-001"], reading("2026-03-01T12:06:00Z", spo2=97.25))
    answer = await client.get("/api/patients/p1/live-data")
    LiveData.model_validate(answer.json(), extra="forbid")
    metrics = {each["code"]: each for each in json.loads(answer.content, parse_float=str)["metrics"]}
    assert set(metrics) == {SPO2, PULSE, "8480-6", "8462-4"}
    assert (metrics[SPO2]["value"], metrics[SPO2]["ucum"]) == ("97.25", "%")
    assert metrics[SPO2]["effective"] == "2026-03-01T12:06:00Z"
    assert metrics[SPO2]["device"] == ward["pi-001"]["device"]
    assert metrics[SPO2]["categories"] == ["vital-signs"]
    assert (metrics[PULSE]["value"], metrics["8480-6"]["value"]) == (73, 120)
    assert (await client.get("/api/patients/p2/live-data")).json()["metrics"] == []


async def test_values_that_are_no_numbers_and_reasons_for_none_are_told(client, patient, fhir):
    def observation(code, **value):
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2026-03-01",
        } | value

    reason = {"coding": [{"code": "not-performed"}]}
    for tree in (
        observation("a", valueCodeableConcept={"text": "Alert"}),
        observation("b", dataAbsentReason=reason),
        observation("c", valueBoolean=False),
        observation("d"),
        observation("e", valueQuantity={"value": 1, "comparator": "<"}, status="entered-in-error"),
    ):
        assert (await client.post("/fhir/Observation", **fhir(tree))).status_code == 201
    metrics = (await client.get("/api/patients/p1/live-data")).json()["metrics"]
    told = {each["code"]: (each["value"], each["text"], each["absent"]) for each in metrics}
    assert told == {
        "a": (None, "Alert", None),
        "b": (None, None, "not-performed"),
        "c": (None, "false", None),
    }


async def test_the_readings_of_all_devices_stand_side_by_side_in_windows(client, ward):
    told = await combined(client)
    first, second = told["windows"]
    assert (first["start"], first["end"]) == ("2026-03-01T12:00:00.000Z", "2026-03-01T12:05:00.000Z")
    values = {each["code"]: each for each in first["values"]}
    assert set(values) == {SPO2, PULSE, "8480-6", "8462-4"}
    pulse = values[PULSE]
    assert (pulse["count"], pulse["mean"], pulse["min"], pulse["max"], pulse["last"]) == (3, 72, 70, 75, 71)
    assert pulse["last_at"] == "2026-03-01T12:04:59.999Z"
    assert pulse["devices"] == sorted([ward["pi-001"]["device"], ward["bp-001"]["device"]])
    assert (values[SPO2]["mean"], values[SPO2]["min"]) == ("97.75", "97.5")
    assert {each["code"]: each["last"] for each in second["values"]} == {SPO2: 96, PULSE: 73}


async def test_the_end_of_the_time_asked_for_is_left_out(client, ward):
    told = await combined(client, "start=2026-03-01T12:00:10Z&end=2026-03-01T12:05:00Z&window=1h")
    (window,) = told["windows"]
    assert window["start"] == "2026-03-01T12:00:00.000Z"
    assert {each["code"]: each["count"] for each in window["values"]}[SPO2] == 2


async def test_what_was_entered_in_error_and_what_others_have_is_left_out(client, ward, fhir):
    found = (await client.get(f"/fhir/Observation?code={SPO2}&date=2026-03-01T12:05:00Z")).json()["entry"]
    wrong = found[0]["resource"] | {"status": "entered-in-error"}
    changed = await client.put(f"/fhir/Observation/{wrong['id']}", **fhir(wrong))
    assert changed.status_code == 200, changed.text
    told = await combined(client)
    assert [each["code"] for each in told["windows"][1]["values"]] == [PULSE]
    other = await client.get(
        "/api/patients/p2/combined-data?start=2026-03-01T12:00:00Z&end=2026-03-01T13:00:00Z"
    )
    assert (other.json()["windows"], other.json()["window"]) == ([], "5m")


async def test_settings_are_the_latest_of_their_kind_and_never_averaged(client, patient, register, send):
    ventilator = (await register("bi-001", "bipap")).json()
    sent = await send(
        ventilator,
        reading("2026-03-01T12:00:10Z", ipap=12, epap=6),
        reading("2026-03-01T12:00:20Z", ipap=15, epap=6),
    )
    assert sent.status_code == 200, sent.text
    assert (await combined(client))["windows"] == []
    live = (await client.get("/api/patients/p1/live-data")).json()["metrics"]
    assert {each["code"]: (each["value"], each["categories"]) for each in live}["8410976"] == (
        15,
        ["setting"],
    )


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        ("p404/devices", 404, None),
        ("p404/live-data", 404, None),
        ("p%00/live-data", 404, None),
        ("p1/live-data?code=x", 400, "code"),
        ("p1/combined-data?end=2026-03-01T13:00:00Z", 400, "start"),
        ("p1/combined-data?start=2026-03-01T12:00:00&end=2026-03-01T13:00:00Z", 400, "start"),
        ("p1/combined-data?start=1772366400&end=2026-03-01T13:00:00Z", 400, "start"),
        ("p1/combined-data?start=2026-03-01T14:00:00Z&end=2026-03-01T13:00:00Z", 400, "start"),
        ("p1/combined-data?start=2026-03-01T12:00:00Z&end=2026-03-01T13:00:00Z&window=2m", 400, "window"),
        ("p1/combined-data?start=2020-03-01T12:00:00Z&end=2026-03-01T13:00:00Z&window=1m", 400, "window"),
    ],
)
async def test_what_cannot_be_told_is_refused(client, patient, path, status, named):
    refused = await client.get(f"/api/patients/{path}")
    assert refused.status_code == status, refused.text
    assert refused.json()["issue"][0].get("expression") == (named and [named])


async def test_a_patient_that_was_deleted_is_gone(client, patient):
    await client.delete("/fhir/Patient/p1")
    for view in ("devices", "live-data", "combined-data?start=2026-03-01T12:00:00Z&end=2026-03-01T13:00:00Z"):
        assert (await client.get(f"/api/patients/p1/{view}")).status_code == 410


@pytest.mark.parametrize(
    ("scopes", "permitted"),
    [
        ({"system/Patient.r", "system/Observation.s"}, {"live-data", "combined-data"}),
        ({"system/Patient.r", "system/Device.s", "system/DeviceUseStatement.s"}, {"devices"}),
        ({"system/Patient.r", "system/Device.s"}, set()),
        ({"system/Observation.cruds", "system/Device.cruds", "system/DeviceUseStatement.cruds"}, set()),
    ],
)
async def test_callers_see_of_each_type_what_their_scopes_show(app, client, patient, scopes, permitted):
    class Few:
        async def authenticate(self, authorization_header):
            return Principal("few", frozenset(scopes))

    (middleware,) = (one for one in app.user_middleware if "endpoint" in one.kwargs)
    house = replace(middleware.kwargs["endpoint"]._house, authenticator=Few())
    app.include_router(patients.router(house), prefix="/few")
    time = "start=2026-03-01T12:00:00Z&end=2026-03-01T13:00:00Z"
    for view in ("devices", "live-data", "combined-data"):
        answer = await client.get(f"/few/api/patients/p1/{view}?{time if view == 'combined-data' else ''}")
        assert answer.status_code == (200 if view in permitted else 403), view


async def test_nobody_reads_without_the_token(client, patient):
    client.headers["Authorization"] = "Bearer wrong"
    for view in ("devices", "live-data", "combined-data"):
        assert (await client.get(f"/api/patients/p1/{view}")).status_code == 401
