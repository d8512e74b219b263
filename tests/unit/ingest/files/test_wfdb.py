"""What a WFDB record becomes: held to figures that another reader took from the same files."""

import struct
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from ingest.errors import UnreadableFile
from ingest.files.format import Incoming, Origin
from ingest.files.wfdb import MAX_EVENTS, Wfdb
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.profile import device_profile
from tests.data import wfdb_record
from tests.data.real_input import FOLDER, needs_real_input
from tests.data.wfdb_record import FIRST, SECOND, written

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
DEVICE = Device(
    1, "d1", "holter-1", "ecg-monitor", disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
)
ZONE = timezone(timedelta(hours=2))
START = datetime(2025, 1, 1, 8, tzinfo=UTC)


def contents(files, name="r1.hea", start=None):
    beside = {key: path for key, path in files.items() if key != name}
    brought = Incoming(name, files[name], files[name].stat().st_size, b"", beside)
    return Wfdb().read(brought, Origin(DEVICE, RECEIVED, ZONE, start=start))


def resources(found):
    (unit,) = found.units
    context = MappingContext("p1", "d1", device_profile("ecg-monitor"), b"k" * 32)
    mapped = unit.mapper(unit.readings[0], context)
    assert isinstance(mapped, Mapped), mapped
    return mapped.resources


def of_code(made, code):
    return [each for each in made if each["code"]["coding"][0]["code"] == code]


def test_a_short_record_becomes_samples_beats_and_a_report(tmp_path):
    found = contents(written(tmp_path))
    made = resources(found)

    (strip,) = of_code(made, "131328")
    first, second = (each["valueSampledData"] for each in strip["component"])
    assert first["data"].split() == [str(each) for each in FIRST]
    assert second["data"].split() == [str(each) for each in SECOND]
    assert (first["factor"], first["origin"]["value"], first["origin"]["code"]) == (5, -5120, "uV")
    assert strip["effectivePeriod"]["start"] == "2023-08-23T22:30:15+02:00"
    assert [each["text"] for each in strip["note"]] == ["69 M"]
    assert made[-1]["resourceType"] == "DiagnosticReport"
    assert found.document is None


def test_each_beat_that_is_not_normal_is_an_event_at_its_sample(tmp_path):
    beats = of_code(resources(contents(written(tmp_path))), "ecg-beat")

    assert [
        (each["valueCodeableConcept"]["coding"][0]["code"], each["effectiveDateTime"]) for each in beats
    ] == [
        ("V", "2023-08-23T22:30:16.666667+02:00"),
        ("A", "2023-08-23T22:30:16.997222+02:00"),
    ]


def test_a_record_without_a_date_needs_the_callers(tmp_path):
    files = written(tmp_path, wfdb_record.header(date=" 22:30:15"))

    with pytest.raises(UnreadableFile, match=r"no date.*`start`"):
        contents(files)
    (strip,) = of_code(resources(contents(files, start=START)), "131328")
    assert strip["effectivePeriod"]["start"] == "2025-01-01T08:00:00Z"


@pytest.mark.parametrize(
    "head", [wfdb_record.header(date=" 0:0:0 1/1/1960"), "r1 1 0.00001 720 0:0:0 1/1/2000\nr1.dat 16\n"]
)
def test_a_time_that_cannot_be_is_refused(tmp_path, head):
    with pytest.raises(UnreadableFile):
        contents(written(tmp_path, head))


def test_a_signal_that_is_no_known_lead_is_named_and_not_guessed(tmp_path):
    found = contents(written(tmp_path, wfdb_record.header(names=("ECG1", "V5"))))

    (strip,) = of_code(resources(found), "131328")
    assert [each["code"]["coding"][0]["code"] for each in strip["component"]] == ["131335"]
    assert any("ECG1" in note for note in found.notes)


def test_an_uncalibrated_signal_has_no_samples_in_microvolts(tmp_path):
    found = contents(written(tmp_path, wfdb_record.header(gain="0")))

    assert of_code(resources(found), "131328") == []


def test_very_many_beats_that_are_not_normal_are_counted_only(tmp_path):
    many = [(each, 5, b"") for each in range(1, MAX_EVENTS + 2)]
    head = f"r1 1 360 {MAX_EVENTS + 2} 0:0:0 1/1/2024\nr1.dat 16\n"
    files = written(tmp_path, head, b"\0\0" * (MAX_EVENTS + 2), wfdb_record.annotations(many))
    found = contents(files)
    made = resources(found)

    assert of_code(made, "ecg-beat") == []
    assert of_code(made, "ecg-beats")[0]["component"][0]["valueInteger"] == MAX_EVENTS + 1
    assert any(f"{MAX_EVENTS + 1} beats" in note for note in found.notes)


@needs_real_input
def test_record_100_is_what_other_readers_find_in_it():
    files = {path.name: path for path in (FOLDER / "ecg").iterdir()}
    found = contents(files, "100.hea", START)
    made = resources(found)

    # of 212, read here with no code of the decoder: bytes, and beats as two-byte words
    raw = files["100.dat"].read_bytes()
    assert len(raw) == 650_000 * 3
    words = struct.unpack(f"<{files['100.atr'].stat().st_size // 2}H", files["100.atr"].read_bytes())
    kinds = Counter(word >> 10 for word in words)
    (strip,) = of_code(made, "131328")
    first, second = (
        [int(word) for word in each["valueSampledData"]["data"].split()] for each in strip["component"]
    )
    for number in (0, 1, 2, 1_000, 3_599):
        low, shared, high = raw[3 * number : 3 * number + 3]
        assert first[number] == low | (shared & 15) << 8
        assert second[number] == high | (shared >> 4) << 8
    assert [each["code"]["coding"][0]["code"] for each in strip["component"]] == ["ecg-lead-mlii", "131335"]
    assert strip["component"][0]["valueSampledData"]["period"] == Decimal("2.777777777778")

    # as wfdb 4.3.1 from PyPI counts them: Counter({'N': 2239, 'A': 33, '+': 1, 'V': 1}), the last at sample 649991
    (counts,) = of_code(made, "ecg-beats")
    counted = {each["code"]["coding"][0]["code"]: each["valueInteger"] for each in counts["component"]}
    assert counted == {"N": 2239, "A": 33, "V": 1} == {"N": kinds[1], "A": kinds[8], "V": kinds[5]}
    (rate,) = of_code(made, "8867-4")
    assert rate["component"][0]["valueQuantity"]["value"] == round(
        Decimal(60 * 2272 * 360) / (649_991 - 77), 1
    )
    assert len(of_code(made, "ecg-beat")) == 34
    assert counts["effectivePeriod"] == {"start": "2025-01-01T08:00:00Z", "end": "2025-01-01T08:30:05.555Z"}
    assert found.document is not None
