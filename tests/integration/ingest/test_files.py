"""Files brought by an operator: the real ECG inside the pydicom wheel, and readings in JSON."""

import asyncio
import json
import re
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from fhir_server.interactions import device_registry
from fhir_server.interactions.ingest_gateway import intake
from fhir_server.store.blobs.kept_files import StoredFiles
from fhir_server.store.devices.dead_letters import StoredDeadLetters
from fhir_server.store.devices.ingested_files import StoredIngestedFiles
from ingest.errors import FileBusy, UnknownDevice
from ingest.files.bringing import incoming, paths, told_apart
from ingest.files.dicom import DicomEcg
from ingest.files.format import Contents, Format, Saying, Unit
from ingest.files.formats import FORMATS
from ingest.files.intake import Intake, key_of
from ingest.files.messages import Readings
from ingest.files.resmed import ResmedNights
from ingest.retry import retry
from tests.data.resmed_card import CARD, card

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def ecg_path() -> Path:
    return Path(str(get_testdata_file("waveform_ecg.dcm", download=False)))


async def taken(clinic, path, device, patient, *, zone=UTC, vouched=True, formats=FORMATS, watch=(), **said):
    """The summary of the one file, or folder of one file, at `path`."""
    taking = intake(clinic.database, clinic.master_key)
    origin = await taking.origin(device, datetime.now(UTC), Saying(zone, patient, **said))
    brought = told_apart([incoming(name, each, 10**9) for name, each in paths(path)], formats)
    (summary,) = await taking.take_all(brought, origin, vouched=vouched, **dict(watch))
    return summary


async def test_the_ecg_becomes_its_measurements_and_a_report(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, ecg_path, "ecg-1", "p1")
    assert made.statuses == ("created",), made.said
    stored = [await clinic.resource(each) for each in made.references]
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
        "8632-2": 52,
        "8626-4": 74,
        "8638-9": 57,
    }
    report = stored[-1]
    assert report["resourceType"] == "DiagnosticReport"
    assert report["conclusion"] == "RITMO SINUSALE\nECG NORMALE"
    assert len(report["result"]) == 11
    assert report["effectiveDateTime"] == "2013-01-25T10:59:19Z"
    assert made.notes[0] == "leads I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"


async def test_the_waveform_has_the_samples_that_another_reader_finds_in_the_file(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, ecg_path, "ecg-1", "p1")
    stored = [await clinic.resource(each) for each in made.references]
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
    made = await taken(clinic, ecg_path, "ecg-1", "p1")
    stored = [await clinic.resource(each) for each in made.references]
    codes = {f"Observation/{each['id']}": each["code"]["coding"][0]["code"] for each in stored}
    (rate,) = [each for each in stored if each["code"]["coding"][0]["code"] == "8867-4"]
    assert [codes[each["reference"]] for each in rate["derivedFrom"]] == ["8637-1"]


async def test_the_same_ecg_twice_is_stored_once(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    first, second = [await taken(clinic, ecg_path, "ecg-1", "p1") for _ in range(2)]
    assert (first.seen, second.seen) == (False, True)
    assert second.references == first.references
    assert second.tree() == first.tree() | {"seen": True}


async def test_the_cardiographs_zone_is_the_callers_to_say(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    zone = timezone(timedelta(hours=1))
    made = await taken(clinic, ecg_path, "ecg-1", "p1", zone=zone)
    report = await clinic.resource(made.references[-1])
    assert report["effectiveDateTime"] == "2013-01-25T10:59:19+01:00"


async def test_an_assignment_is_not_overruled_by_the_caller(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient="p2", start=datetime(2013, 1, 1, tzinfo=UTC))
    made = await taken(clinic, ecg_path, "ecg-1", "p1")
    assert made.statuses == ("rejected",)
    assert made.said[0].issue.element == "patient"


@pytest.mark.parametrize("kept", [100, 1_990, 40_000, 250_000, 291_076])
async def test_an_ecg_broken_halfway_stores_nothing_and_says_where(clinic, ecg_path, tmp_path, kept):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(ecg_path.read_bytes()[:kept])
    made = await taken(clinic, broken, "ecg-1", "p1")
    assert re.search(rf"no format|{kept}|byte", made.error)
    assert await clinic.observations() == 0


async def test_a_broken_line_stores_nothing_and_what_stood_before_it_is_stored(clinic, tmp_path):
    await clinic.device(name="pi-1")
    path = tmp_path / "readings.ndjson"
    path.write_text(reading(1) + "\n" + reading(2) + "\n" + reading(3)[:20])
    made = await taken(clinic, path, "pi-1", None)
    assert made.counts == {"created": 2}
    assert made.error.startswith("line 3 (from byte 120 on) is broken")
    assert await clinic.observations() == 2

    path.write_text("\n".join(map(reading, range(1, 5))))
    assert (await taken(clinic, path, "pi-1", None)).counts == {"unchanged": 2, "created": 2}


async def test_readings_in_a_file_belong_to_the_patient_assigned_then(clinic, tmp_path):
    await clinic.device(name="pi-1", patient="p7")
    path = tmp_path / "readings.json"
    path.write_text('[{"timestamp": "2024-01-01T00:00:00Z", "data": {"spo2": 97}}]')
    made = await taken(clinic, path, "pi-1", None)
    stored = await clinic.resource(made.references[0])
    assert stored["subject"]["reference"] == "Patient/p7"


async def test_the_nights_of_a_card_become_panels_with_their_settings_beside_them(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    path.write_bytes(card())
    await clinic.device("apap", name="cpap-1", patient=None)
    made = await taken(clinic, path, "cpap-1", "p1")

    assert made.counts == {"created": 2}, made.said
    night = [await clinic.resource(each) for each in made.references[: len(made.references) // 2]]
    values = {each["code"]["coding"][0]["code"]: each.get("valueQuantity", {}).get("value") for each in night}
    shown = [str(values[code]) for code in ("69997-5", "69990-0", "8410964")]
    assert shown == ["15.6", "0.2", "7"]
    (panel,) = [each for each in night if "hasMember" in each]
    assert panel["effectivePeriod"] == {"start": "2023-08-21T12:00:00Z", "end": "2023-08-22T12:00:00Z"}
    (setting,) = [each for each in night if each["code"]["coding"][0]["code"] == "8410964"]
    assert (await clinic.resource(setting["device"]["reference"]))["category"] == "setting"


async def test_a_card_that_grew_adds_what_is_new(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    await clinic.device("apap", name="cpap-1", patient=None)
    first = {name: (*how, days[:1]) for name, (*how, days) in CARD.items()}
    for signals, expected in ((first, {"created": 1}), (CARD, {"unchanged": 1, "created": 1})):
        path.write_bytes(card(signals))
        assert (await taken(clinic, path, "cpap-1", "p1")).counts == expected


async def test_a_night_that_went_on_after_the_card_was_read_is_amended_and_never_set_back(clinic, tmp_path):
    await clinic.device("apap", name="cpap-1", patient=None)
    early, late = tmp_path / "early.edf", tmp_path / "late.edf"
    for path, use, off in ((early, 254, 850), (late, 300, 1010)):
        sessions = {"MaskOff": ("min.", (0, 1440), (0, 1440), [off, -1, 600])}
        signals = CARD | {"Duration": (*CARD["Duration"][:3], [use, -1, 262])} | sessions
        path.write_bytes(card(signals))

    assert (await taken(clinic, early, "cpap-1", "p1")).counts == {"created": 2}
    grown = await taken(clinic, late, "cpap-1", "p1")
    assert grown.counts == {"amended": 1, "unchanged": 1}, grown.said
    night = [await clinic.resource(each) for each in grown.references]
    (usage,) = [each for each in night if each["code"]["coding"][0]["code"] == "8410712"][:1]
    assert (usage["status"], usage["valueQuantity"]["value"]) == ("amended", "5.00")

    assert (await taken(clinic, early, "cpap-1", "p1")).seen
    sessions = {"MaskOff": ("min.", (0, 1440), (0, 1440), [849, -1, 600])}
    early.write_bytes(card(CARD | {"Duration": (*CARD["Duration"][:3], [253, -1, 262])} | sessions))
    older = await taken(clinic, early, "cpap-1", "p1")
    assert older.counts == {"unchanged": 2}, older.said


async def test_a_card_that_breaks_off_stores_nothing(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    path.write_bytes(card()[:-5])
    await clinic.device("apap", name="cpap-1", patient=None)
    made = await taken(clinic, path, "cpap-1", "p1")
    assert "4443 of the 4448 bytes" in made.error
    assert await clinic.scalar("SELECT count(*) FROM resource WHERE type = 96") == 0


@pytest.mark.parametrize("more", [b"", b" "], ids=["the same card", "the card with other bytes"])
async def test_a_card_is_not_read_in_another_zone_than_before_unless_that_is_said_to_be_right(
    clinic, tmp_path, more
):
    path = tmp_path / "STR.edf"
    path.write_bytes(card())
    await clinic.device("apap", name="cpap-1", patient=None)
    first = await taken(clinic, path, "cpap-1", "p1")
    count = await clinic.observations()
    content = path.read_bytes()
    path.write_bytes(content[:87] + more + content[88:] if more else content)

    refused = await taken(clinic, path, "cpap-1", "p1", zone=BERLIN)
    assert "zone UTC" in refused.error
    assert (first.zone, refused.is_complete, refused.counts) == ("UTC", False, {})

    corrected = await taken(clinic, path, "cpap-1", "p1", zone=BERLIN, corrects_zone=True)
    assert (corrected.counts, corrected.zone) == ({"amended": 2}, "Europe/Berlin")
    assert await clinic.observations() == count
    night = await clinic.resource(corrected.references[0])
    assert night["effectivePeriod"] == {
        "start": "2023-08-21T12:00:00+02:00",
        "end": "2023-08-22T12:00:00+02:00",
    }
    assert (await taken(clinic, path, "cpap-1", "p1", zone=BERLIN)).seen
    assert "zone Europe/Berlin" in (await taken(clinic, path, "cpap-1", "p1")).error


async def test_the_zone_of_a_card_that_was_read_in_part_counts_too(clinic, tmp_path):
    path = tmp_path / "STR.edf"
    path.write_bytes(card())
    start = datetime(2023, 8, 22, tzinfo=UTC)
    await clinic.device("apap", name="cpap-1", patient="p1", start=start)
    assert set((await taken(clinic, path, "cpap-1", None)).counts) == {"created", "rejected"}
    assert "zone UTC" in (await taken(clinic, path, "cpap-1", None, zone=BERLIN)).error


async def test_a_rejected_reading_is_a_dead_letter_that_can_be_taken_in_later(clinic, tmp_path):
    await clinic.device(name="pi-1", patient=None)
    path = tmp_path / "readings.json"
    path.write_text(f"[{reading(1)}]")
    made = await taken(clinic, path, "pi-1", None)
    assert (made.statuses, made.said[0].where) == (("rejected",), "the record")
    assert (await retried(clinic, "pi-1")).status == "created"


async def test_a_rejected_night_is_a_dead_letter_that_can_be_taken_in_later(clinic, tmp_path):
    await clinic.device("apap", name="cpap-1", patient=None)
    path = tmp_path / "STR.edf"
    path.write_bytes(card())
    made = await taken(clinic, path, "cpap-1", None)
    assert (made.counts, made.said[0].where) == ({"rejected": 2}, "night of 2023-08-21")
    again = await retried(clinic, "cpap-1")
    assert again.status == "created", again.issues
    assert (await taken(clinic, path, "cpap-1", "p9")).counts == {"unchanged": 1, "created": 1}


async def test_a_rejected_recording_says_that_its_file_is_to_be_brought_again(clinic, ecg_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, ecg_path, "ecg-1", None)
    assert made.statuses == ("rejected",)
    result = await retried(clinic, "ecg-1")
    assert "'waveform_ecg.dcm'. Bring that file again" in result.issues[0].diagnostics
    assert (await taken(clinic, ecg_path, "ecg-1", "p9")).statuses == ("created",)


async def test_a_device_may_not_say_whose_readings_its_files_are(clinic, tmp_path):
    await clinic.device(name="pi-1", patient=None)
    path = tmp_path / "readings.json"
    path.write_text(f"[{reading(1)}]")
    assert (await taken(clinic, path, "pi-1", "p1", vouched=False)).statuses == ("rejected",)


async def test_data_points_and_synchronised_records_are_told_from_readings(clinic, tmp_path):
    await clinic.device("phone", name="phone-1")
    for name in ("omh.json", "health-connect.json"):
        (tmp_path / name).write_text(json.dumps(MESSAGES[name]))
    formats = [(await taken(clinic, tmp_path / name, "phone-1", None)).format for name in sorted(MESSAGES)]
    assert formats == ["health-connect", "open-mhealth"]
    assert await clinic.observations() == 2


async def test_a_file_that_another_reads_is_busy_until_that_claim_runs_out(clinic, tmp_path):
    await clinic.device(name="pi-1")
    path = tmp_path / "readings.json"
    path.write_text(reading(1))
    files = StoredIngestedFiles(clinic.database, lease_seconds=0.3)
    first, second = [await claimed(clinic, path, files) for _ in range(2)]
    assert (first, second) == (None, "busy")
    await asyncio.sleep(0.35)
    assert (await taken(clinic, path, "pi-1", None)).counts == {"created": 1}


async def test_a_file_whose_reader_fails_may_be_brought_again(clinic, tmp_path):
    await clinic.device(name="pi-1")
    path = tmp_path / "readings.json"
    path.write_text(reading(1))
    taking = Intake(clinic.pipeline(), StoredIngestedFiles(clinic.database), StoredFiles(clinic.database))
    origin = await taking.origin("pi-1", datetime.now(UTC), Saying())
    with pytest.raises(ZeroDivisionError):
        await taking.take(incoming("a.json", path, 10**6), Defective(), origin, vouched=True)
    assert await clinic.scalar("SELECT count(*) FROM ingested_file") == 0


async def test_files_in_an_unregistered_devices_name_are_not_read(clinic, tmp_path):
    path = tmp_path / "readings.json"
    path.write_text(reading(1))
    with pytest.raises(UnknownDevice, match="'nobody' is registered"):
        await taken(clinic, path, "nobody", None)


class Defective(Format):
    name = "readings"

    def recognises(self, head, name):
        return True

    def read(self, file, origin):
        return Contents(Unit(()) for _ in [1 / 0])


def reading(second):
    return f'{{"timestamp": "2024-01-01T00:00:{second:02}Z", "data": {{"spo2": 97}}}}'


async def claimed(clinic, path, files):
    taking = Intake(clinic.pipeline(), files, StoredFiles(clinic.database))
    origin = await taking.origin("pi-1", datetime.now(UTC), Saying())
    file = incoming("readings.json", path, 10**6)
    try:
        return await files.claim(key_of(file, Readings(), origin), "readings.json", "readings")
    except FileBusy:
        return "busy"


async def retried(clinic, device):
    """What became of the oldest dead letter once the device was given to p9."""
    await device_registry.assign(
        clinic.database, name=device, patient="p9", start=datetime(2010, 1, 1, tzinfo=UTC), end=None
    )
    (letter, *_) = await StoredDeadLetters(clinic.database).waiting()
    return await retry(clinic.pipeline(), letter, lambda: datetime.now(UTC))


MESSAGES = {
    "omh.json": {
        "header": {
            "id": "a-1",
            "creation_date_time": "2024-01-01T00:00:00Z",
            "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"},
        },
        "body": {
            "heart_rate": {"value": 70, "unit": "beats/min"},
            "effective_time_frame": {"date_time": "2024-01-01T00:00:00Z"},
        },
    },
    "health-connect.json": {
        "steps": [
            {
                "startTime": "2024-01-01T00:00:00Z",
                "endTime": "2024-01-01T01:00:00Z",
                "count": 12,
                "metadata": {"id": "b-1"},
            }
        ]
    },
}


class Misread(Format):
    """A format as it was understood before: every Observation of it has a wrong code."""

    def __init__(self, understood):
        self._understood = understood

    @property
    def name(self):
        return self._understood.name

    def recognises(self, head, name):
        return self._understood.recognises(head, name)

    def read(self, file, origin):
        contents = self._understood.read(file, origin)
        units = [replace(unit, mapper=partial(self._wrong, unit.mapper)) for unit in contents.units]
        return replace(contents, units=units)

    def _wrong(self, mapper, reading, context):
        mapped = mapper(reading, context)
        first, *others = mapped.resources
        return replace(mapped, resources=({**first, "code": {"text": "misread"}}, *others))


@pytest.mark.parametrize(
    ("type", "format"), [("ecg-monitor", DicomEcg()), ("apap", ResmedNights())], ids=["ecg", "card"]
)
async def test_a_file_is_read_again_when_it_is_understood_better_and_what_is_the_same_stays(
    clinic, tmp_path, ecg_path, type, format
):
    day = ("min.", (0, 1440), (0, 1440), [600, 600, 600])
    path = tmp_path / "STR.edf"
    path.write_bytes(ecg_path.read_bytes() if type == "ecg-monitor" else card(CARD | {"MaskOn": day}))
    await clinic.device(type, name="d-1", patient="p1", start=datetime(2010, 1, 1, tzinfo=UTC))
    before = await taken(clinic, path, "d-1", None, formats=(Misread(format),))
    count = await clinic.observations()
    assert (await clinic.resource(before.references[0]))["code"] == {"text": "misread"}
    assert (await taken(clinic, path, "d-1", None)).seen

    better = await taken(clinic, path, "d-1", None, again=True)
    assert set(better.counts) == {"amended"}
    assert (await clinic.resource(before.references[0]))["code"] != {"text": "misread"}
    versions = await clinic.scalar("SELECT sum(version) FROM resource")
    same = await taken(clinic, path, "d-1", None, again=True)

    assert set(same.counts) == {"unchanged"}
    assert await clinic.observations() == count
    assert await clinic.scalar("SELECT sum(version) FROM resource") == versions
    remembered = await taken(clinic, path, "d-1", None)
    assert (remembered.seen, remembered.counts["amended"]) == (True, 0)


@pytest.mark.parametrize("name", ["lines.ndjson", "STR.edf"])
async def test_who_looks_on_is_told_how_far_within_a_file_it_is(clinic, tmp_path, name):
    path = tmp_path / name
    start = datetime(2024, 1, 1, tzinfo=UTC)
    readings = [
        json.dumps({"timestamp": (start + timedelta(seconds=each)).isoformat(), "data": {"spo2": 97}})
        for each in range(500)
    ]
    path.write_bytes(card() if name == "STR.edf" else "\n".join(readings).encode())
    await clinic.device("apap" if name == "STR.edf" else "pulse-oximeter", name="d-1", patient=None)
    told = []
    await taken(clinic, path, "d-1", "p1", watch={"watcher": lambda *each: told.append(each)})

    names, units, done = zip(*told, strict=True)
    assert set(names) == {name}
    assert done[-1] == path.stat().st_size
    if name != "STR.edf":
        assert units == (200, 400, 500)
        assert [round(each / done[-1], 1) for each in done] == [0.4, 0.8, 1.0]
