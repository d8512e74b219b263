"""Files brought by an operator: the real ECG inside the pydicom wheel, and readings in JSON."""

import struct
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from ingest.errors import UnreadableFile
from ingest.files import ingest_file
from tests.data.resmed_card import card


@pytest.fixture
def ecg_path() -> Path:
    return Path(str(get_testdata_file("waveform_ecg.dcm", download=False)))


def now() -> datetime:
    return datetime.now(UTC)


async def test_the_ecg_becomes_its_measurements_and_a_report(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await ingest_file(ecg_path, clinic.pipeline(), device="ecg-1", patient="p1", clock=now)
    (result,) = made.results
    assert result.status == "created", result.issues
    stored = [await clinic.resource(each) for each in result.references]
    values = {
        each["code"]["coding"][0]["code"]: each["valueQuantity"]["value"]
        for each in stored
        if "valueQuantity" in each
    }
    assert values == {
        "8867-4": 61,
        "8625-6": 161,
        "8633-0": 75,
        "8634-8": 368,
        "8636-3": 370,
        "8637-1": 982,
    }
    report = stored[-1]
    assert report["resourceType"] == "DiagnosticReport"
    assert report["conclusion"] == "RITMO SINUSALE\nECG NORMALE"
    assert len(report["result"]) == 7
    assert report["effectiveDateTime"] == "2013-01-25T10:59:19Z"
    assert made.notes[0] == "leads I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"


async def test_the_waveform_has_the_samples_that_another_reader_finds_in_the_file(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await ingest_file(ecg_path, clinic.pipeline(), device="ecg-1", patient="p1", clock=now)
    stored = [await clinic.resource(each) for each in made.results[0].references]
    (waveform,) = [each for each in stored if each.get("code", {})["coding"][0]["code"] == "131328"]

    group = dcmread(ecg_path).WaveformSequence[0]
    raw = struct.unpack("<120000h", group.WaveformData)
    assert waveform["effectivePeriod"] == {
        "start": "2013-01-25T10:59:19Z",
        "end": "2013-01-25T10:59:29Z",
    }
    assert [each["code"]["text"] for each in waveform["component"]] == [
        f"ECG lead {name}"
        for name in ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    ]
    for number, component in enumerate(waveform["component"]):
        sampled = component["valueSampledData"]
        assert sampled["data"].split() == [str(sample) for sample in raw[number::12]]
        assert (sampled["period"], str(sampled["factor"]), sampled["dimensions"]) == (1, "1.25", 1)
        assert (sampled["origin"]["value"], sampled["origin"]["code"]) == (0, "uV")


async def test_a_rate_that_was_not_measured_says_from_what_it_was_calculated(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await ingest_file(ecg_path, clinic.pipeline(), device="ecg-1", patient="p1", clock=now)
    stored = [await clinic.resource(each) for each in made.results[0].references]
    codes = {f"Observation/{each['id']}": each["code"]["coding"][0]["code"] for each in stored}
    (rate,) = [each for each in stored if each["code"]["coding"][0]["code"] == "8867-4"]
    assert [codes[each["reference"]] for each in rate["derivedFrom"]] == ["8637-1"]


async def test_the_same_ecg_twice_is_stored_once(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    first, second = [
        await ingest_file(ecg_path, clinic.pipeline(), device="ecg-1", patient="p1", clock=now)
        for _ in range(2)
    ]
    assert second.results[0].status == "unchanged"
    assert second.results[0].references == first.results[0].references


async def test_the_cardiographs_zone_is_the_callers_to_say(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    zone = timezone(timedelta(hours=1))
    made = await ingest_file(ecg_path, clinic.pipeline(), device="ecg-1", patient="p1", clock=now, zone=zone)
    report = await clinic.resource(made.results[0].references[-1])
    assert report["effectiveDateTime"] == "2013-01-25T10:59:19+01:00"


async def test_an_assignment_is_not_overruled_by_the_caller(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient="p2", start=datetime(2013, 1, 1, tzinfo=UTC))
    made = await ingest_file(ecg_path, clinic.pipeline(), device="ecg-1", patient="p1", clock=now)
    assert made.results[0].status == "rejected"
    assert made.results[0].issues[0].element == "patient"


@pytest.mark.parametrize("kept", [100, 1_990, 40_000, 250_000, 291_076])
async def test_an_ecg_broken_halfway_stores_nothing_and_says_where(clinic, ecg_path, tmp_path, kept):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(ecg_path.read_bytes()[:kept])
    with pytest.raises(UnreadableFile, match=rf"neither|{kept}|byte"):
        await ingest_file(broken, clinic.pipeline(), device="ecg-1", patient="p1", clock=now)
    assert await clinic.observations() == 0


async def test_a_file_with_one_broken_line_stores_nothing(clinic, tmp_path):
    await clinic.device(name="pi-1")
    path = tmp_path / "readings.ndjson"
    path.write_text('{"timestamp": "2024-01-01T00:00:00Z", "data": {"spo2": 97}}\n{"timestamp": \n')
    with pytest.raises(UnreadableFile, match="Reading 2"):
        await ingest_file(path, clinic.pipeline(), device="pi-1", patient=None, clock=now)
    assert await clinic.observations() == 0


async def test_readings_in_a_file_belong_to_the_patient_assigned_then(clinic, tmp_path):
    await clinic.device(name="pi-1", patient="p7")
    path = tmp_path / "readings.json"
    path.write_text('[{"timestamp": "2024-01-01T00:00:00Z", "data": {"spo2": 97}}]')
    made = await ingest_file(path, clinic.pipeline(), device="pi-1", patient=None, clock=now)
    stored = await clinic.resource(made.results[0].references[0])
    assert stored["subject"]["reference"] == "Patient/p7"


async def test_the_nights_of_a_card_become_panels_with_their_settings_beside_them(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    path.write_bytes(card())
    await clinic.device("apap", name="cpap-1", patient=None)
    made = await ingest_file(path, clinic.pipeline(), device="cpap-1", patient="p1", clock=now)

    assert [result.status for result in made.results] == ["created", "created"], made.results
    night = [await clinic.resource(each) for each in made.results[0].references]
    values = {each["code"]["coding"][0]["code"]: each.get("valueQuantity", {}).get("value") for each in night}
    shown = [str(values[code]) for code in ("69997-5", "69990-0", "8410964")]
    assert shown == ["15.6", "0.2", "7"]
    (panel,) = [each for each in night if "hasMember" in each]
    assert panel["effectivePeriod"] == {"start": "2023-08-21T12:00:00Z", "end": "2023-08-22T12:00:00Z"}
    (setting,) = [each for each in night if each["code"]["coding"][0]["code"] == "8410964"]
    assert (await clinic.resource(setting["device"]["reference"]))["category"] == "setting"


async def test_a_card_brought_again_changes_nothing(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    path.write_bytes(card())
    await clinic.device("apap", name="cpap-1", patient=None)
    for expected in ("created", "unchanged"):
        made = await ingest_file(path, clinic.pipeline(), device="cpap-1", patient="p1", clock=now)
        assert {result.status for result in made.results} == {expected}


async def test_a_card_that_breaks_off_stores_nothing(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    path.write_bytes(card()[:-5])
    await clinic.device("apap", name="cpap-1", patient=None)
    with pytest.raises(UnreadableFile, match="4443 of the 4448 bytes"):
        await ingest_file(path, clinic.pipeline(), device="cpap-1", patient="p1", clock=now)
    assert await clinic.scalar("SELECT count(*) FROM resource WHERE type = 96") == 0
