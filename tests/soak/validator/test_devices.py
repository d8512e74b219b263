"""What every device type makes, before the Java validator: no error, no unknown code, no warning but those named here.

docs/devices.md; docs/validation.md, "What the mappers make"
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import orjson
import pytest
from pydicom.data import get_testdata_file

from ingest.decoders import dicom, health_connect, omh, resmed
from ingest.decoders.batch import json_batch
from ingest.decoders.health_connect_types import RECORD_TYPES
from ingest.decoders.reading import Decoded, Series
from ingest.files.bringing import incoming, told_apart
from ingest.files.format import Incoming, Origin
from ingest.ports import Device
from mappers import device
from mappers.ecg import map_ecg
from mappers.mapped import Mapped, MappingResult, Resource
from mappers.metrics import metrics
from mappers.observation import map_reading
from mappers.profile import device_profile
from mappers.provenance import About, Message, measured, provenances
from mappers.reading import Reading
from mappers.times import device_time
from mappers.waveform import Lead, Waveform, waveform_observations
from terminology.systems import LOCAL_METRIC, LOINC, MDC, OBSERVATION_CATEGORY, SNOMED_CT
from tests.data import wfdb_record
from tests.data.device_readings import MEASURED, RECEIVED, context_of, profiles, readings, resources
from tests.data.recordings import recordings
from tests.data.resmed_card import card
from tests.data.resmed_session import LEAK, RATE, events, session
from tests.soak.validator.java import answers
from tests.unit.ingest.decoders.test_health_connect import HOUR, MOMENT
from tests.unit.ingest.decoders.test_omh import OWN_PASSES, point
from tests.unit.ingest.decoders.test_phd import OXIMETER, observation

pytestmark = pytest.mark.soak

Made = tuple[str, Resource]
"""A resource, and what it was made of."""

_SAID = {("Terminology_TX_NoValid_2_CC", "40443-4")}
"""Warnings that stay, by the code of the Observation: the resting heart rate is a vital sign that R4 does not list."""

_REGISTRY = {LOINC, MDC, SNOMED_CT, LOCAL_METRIC}


def test_the_java_validator_finds_nothing_wrong_with_what_any_device_type_makes(
    java: list[str], tmp_path: Path
):
    made = [*_of_types(), *_of_devices(), *_of_waveforms(), *_of_files(), *_of_phones(), *recordings()]
    made += [*_of_messages(), *_of_recordings(tmp_path)]
    texts = [orjson.dumps(resource, default=_exact) for _, resource in made]
    found = [
        (source, each["location"], each["message"])
        for (source, resource), said in zip(made, answers(java, texts, "warnings"), strict=True)
        for each in said
        if (each.get("id"), _code(resource)) not in _SAID
    ]
    print(f"\n{len(made)} resources")
    assert found[:20] == []


def test_the_java_validator_sees_a_wrong_code_a_wrong_unit_and_a_wrong_profile(java: list[str]):
    whole = next(
        resource for _, resource in resources(device_profile("pulse-oximeter")) if _code(resource) == "2708-6"
    )
    bodies = [
        whole | {"valueQuantity": whole["valueQuantity"] | {"code": "bpm"}},
        whole | {"category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "vital"}]}]},
        whole | {"code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}},
    ]
    found = answers(java, [orjson.dumps(body, default=_exact) for body in bodies], "warnings")
    assert all(found)


def test_every_code_of_the_registry_is_made_and_no_other():
    made = [*_of_types(), *_of_devices(), *_of_waveforms(), *_of_files(), *recordings()]
    used = {
        (coding["system"], coding["code"], coding.get("display"))
        for _, resource in made
        for coding in _codings({key: value for key, value in resource.items() if key != "type"})
        if coding["system"] in _REGISTRY
    }
    rows = metrics().values()
    known = {coding for row in rows for coding in (*row.codings, *row.answers.values())}
    measured = [row for row in rows if row.scale or row.answers or row.components or row.members]
    wanted = {coding for row in measured for coding in (*row.codings, *row.answers.values())}
    assert used <= {(each.system, each.code, each.display) for each in known}
    assert used >= {(each.system, each.code, each.display) for each in wanted}


def _of_types() -> Iterator[Made]:
    for profile in profiles():
        yield from resources(profile)


def _of_devices() -> Iterator[Made]:
    for profile in profiles():
        yield profile.key, device.device("d1", "dev-1", profile)
        for each in device.device_metrics("d1", profile):
            yield profile.key, each
    yield "assignment", device.assignment("a1", "d1", "p1", "2026-01-31T08:00:00Z", "2026-02-01T08:00:00Z")


def _of_waveforms() -> Iterator[Made]:
    leads = tuple(
        Lead(key, [-3, None, 12], Decimal("1.25"), Decimal("0.5"))
        for key in metrics()["ecg-waveform"].components
    )
    reading = Reading("dev-1", "ecg-monitor", device_time(MEASURED), RECEIVED, {})
    profile = device_profile("ecg-monitor")
    for rate in (Fraction(500), Fraction(360)):
        waveform = Waveform("ecg-waveform", rate, leads)
        for each in waveform_observations(waveform, reading, context_of(profile)):
            yield f"waveform at {rate} Hz", each


def _of_files() -> Iterator[Made]:
    recording = Path(str(get_testdata_file("waveform_ecg.dcm", download=False))).read_bytes()
    ecg = dicom.decode(recording, _registered("ecg-monitor"), RECEIVED, RECEIVED.tzinfo)
    yield from _named("DICOM", map_ecg(ecg.report, context_of(device_profile("ecg-monitor"))))
    mapped = partial(map_reading, context=context_of(device_profile("apap")))
    for night in resmed.decode(card(), _registered("apap"), RECEIVED, RECEIVED.tzinfo).readings:
        yield from _named("ResMed", mapped(night))


def _of_phones() -> Iterator[Made]:
    phone = _registered("phone")
    for name, version, body in OWN_PASSES:
        (item,) = json_batch(orjson.dumps(point(name, version, body)), 1).items
        assert isinstance(item, dict)
        yield from _decoded(f"Open mHealth {name}", omh.decode(item, phone, RECEIVED))
    for name, values in _RECORDS.items():
        (item,) = json_batch(orjson.dumps({name: [values]}), 1).items
        assert isinstance(item, dict)
        yield from _decoded(f"Health Connect {name}", health_connect.decode(item, phone, RECEIVED))


_RECORDS = {
    "heartRate": HOUR | {"samples": [{"time": "2026-02-21T10:03:00Z", "beatsPerMinute": 71}]},
    "restingHeartRate": MOMENT | {"beatsPerMinute": 58},
    "heartRateVariabilityRmssd": MOMENT | {"heartRateVariabilityMillis": 42.5},
    "bloodPressure": MOMENT
    | {
        "systolic": {"inMillimetersOfMercury": 123},
        "diastolic": {"inMillimetersOfMercury": 77},
        "bodyPosition": 2,
        "measurementLocation": 3,
    },
    "oxygenSaturation": MOMENT | {"percentage": 97},
    "respiratoryRate": MOMENT | {"rate": 14},
    "bodyTemperature": MOMENT | {"temperature": {"inCelsius": 36.7}, "measurementLocation": 4},
    "weight": MOMENT | {"weight": {"inKilograms": 70.5}},
    "height": MOMENT | {"height": {"inMeters": 1.75}},
    "bloodGlucose": MOMENT | {"level": {"inMillimolesPerLiter": 5.3}, "specimenSource": 1, "mealType": 2},
    "steps": HOUR | {"count": 1234},
    "totalCaloriesBurned": HOUR | {"energy": {"inKilocalories": 250}},
    "activeCaloriesBurned": HOUR | {"energy": {"inKilocalories": 90}},
    "sleepSession": HOUR
    | {"stages": [{"startTime": "2026-02-21T10:00:00Z", "endTime": "2026-02-21T11:00:00Z", "stage": 5}]},
}
assert _RECORDS.keys() == RECORD_TYPES.keys()


def _of_messages() -> Iterator[Made]:
    """A Provenance of what a message made, and of what it corrected."""
    profile = device_profile("pulse-oximeter")
    _, reading = next(readings(profile))
    message = Message(b"\x5a" * 32, RECEIVED, "d1", profile.key, profile.version)
    about = About("Patient/p1", measured(reading))
    for activity in ("CREATE", "UPDATE"):
        targets = [("Observation/o1", 1 if activity == "CREATE" else 2)]
        for each in provenances(message, activity, about, targets, "fhir-server 0.1.0"):
            yield f"message, {activity}", each


def _of_recordings(folder: Path) -> Iterator[Made]:
    """A WFDB record with beats, a session and the events of a night, a Bundle after the guide for personal devices."""
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": observation()}]}
    files = {
        "session.edf": ("apap", session([LEAK, RATE], checksums=False)),
        "events.edf": ("apap", events([("+125.5", "14", "Obstructive apnea")], resmed=False)),
        "bundle.json": ("pulse-oximeter", orjson.dumps(bundle)),
    }
    for name, (type, content) in files.items():
        (folder / name).write_bytes(content)
        yield from _of_brought(type, [incoming(name, folder / name, 2**24)])
    written = wfdb_record.written(folder)
    yield from _of_brought("ecg-monitor", [incoming(name, path, 2**24) for name, path in written.items()])


def _of_brought(type: str, files: list[Incoming]) -> Iterator[Made]:
    device = replace(_registered(type), name=OXIMETER) if type == "pulse-oximeter" else _registered(type)
    for file, format in told_apart(files).readable:
        origin = Origin(device, RECEIVED, UTC, start=RECEIVED)
        for unit in format.read(file, origin).units:
            for reading in unit.readings:
                yield from _named(file.name, unit.mapper(reading, context_of(device_profile(type))))


def _decoded(source: str, decoded: Decoded) -> Iterator[Made]:
    assert isinstance(decoded, Reading | Series), (source, decoded)
    for reading in decoded.readings if isinstance(decoded, Series) else (decoded,):
        yield from _named(source, map_reading(reading, context_of(device_profile("phone"))))


def _named(source: str, mapped: MappingResult) -> Iterator[Made]:
    assert isinstance(mapped, Mapped), mapped
    return ((source, resource) for resource in mapped.resources)


def _registered(type: str) -> Device:
    return Device(
        1, "d1", "dev-1", type, disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
    )


def _code(resource: Resource) -> str | None:
    code = resource.get("code")
    return code["coding"][0]["code"] if isinstance(code, dict) else None


def _codings(tree: object) -> Iterator[dict[str, str]]:
    if isinstance(tree, dict):
        if isinstance(tree.get("code"), str) and "system" in tree and "value" not in tree:
            yield tree
        for each in tree.values():
            yield from _codings(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from _codings(each)


def _exact(value: object) -> orjson.Fragment:
    assert isinstance(value, Decimal), value
    return orjson.Fragment(str(value))
