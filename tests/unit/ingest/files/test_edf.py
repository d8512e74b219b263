"""What EDF files become: those of a ResMed card, held to figures read apart, and any other."""

import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from statistics import median

import pytest

from ingest.errors import UnreadableFile
from ingest.files.edf import EdfRecording
from ingest.files.format import Incoming, Origin
from ingest.files.formats import format_of
from ingest.files.resmed import ResmedNights
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.profile import device_profile
from mappers.reading import Absent
from tests.data.real_input import FOLDER, needs_real_input
from tests.data.resmed_session import FLOW, LEAK, PULSE, Signal, events, session

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
ZONE = timezone(timedelta(hours=-5))


def device(profile="apap"):
    return Device(
        1, "d1", "cpap-1", profile, disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
    )


def contents(content: bytes | Path, tmp_path=None, profile="apap", **origin):
    path = content
    if isinstance(content, bytes):
        path = tmp_path / "recording.edf"
        path.write_bytes(content)
    brought = Incoming(path.name, path, path.stat().st_size, b"")
    format = format_of(brought)
    assert format is not None
    return format.read(brought, Origin(device(profile), RECEIVED, ZONE, **origin))


def resources(found, profile="apap"):
    (unit,) = found.units
    context = MappingContext("p1", "d1", device_profile(profile), b"k" * 32)
    mapped = unit.mapper(unit.readings[0], context)
    assert isinstance(mapped, Mapped), mapped
    return mapped.resources


def by_code(made):
    return {each["code"]["coding"][0]["code"]: each for each in made}


def statistics(resource):
    return {
        part["code"]["coding"][0]["code"]: part["valueQuantity"]["value"] for part in resource["component"]
    }


def test_a_session_is_summed_up_and_belongs_to_its_night(tmp_path):
    found = contents(session(), tmp_path)
    made = by_code(resources(found))

    assert statistics(made["8411040"]) == {
        "median": Decimal("1.2"),
        "minimum": 0,
        "maximum": Decimal("15.6"),
    }
    assert made["8411040"]["note"] == [{"text": "Of 8 samples not counted: 2 without a value."}]
    assert statistics(made["33438-3"])["minimum"] == 14
    assert {each["identifier"][1]["value"] for each in made.values()} == {"d1/2023-08-23"}
    assert any("Snore.2s" in note for note in found.notes)
    assert found.document is not None


def test_what_was_recorded_before_noon_belongs_to_the_night_before(tmp_path):
    made = resources(contents(session(start="24.08.2305.30.03"), tmp_path))

    assert made[0]["identifier"][1]["value"] == "d1/2023-08-23"
    assert made[0]["effectivePeriod"]["start"] == "2023-08-24T05:30:03-05:00"


def test_an_oximeter_that_was_not_worn_measured_nothing(tmp_path):
    (pulse,) = resources(contents(session([PULSE]), tmp_path))

    assert pulse["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_events_of_the_night_are_observations_in_the_devices_words(tmp_path):
    found = contents(
        events(
            [("+0", "0", "Recording starts"), ("+125.5", "14", "Obstructive apnea"), ("+300", "0", "Arousal")]
        ),
        tmp_path,
    )
    apnea, arousal = resources(found)

    assert apnea["code"]["coding"][0]["code"] == "respiratory-event"
    assert apnea["valueCodeableConcept"] == {"text": "Obstructive apnea"}
    assert apnea["effectivePeriod"] == {
        "start": "2023-08-23T23:34:48.500-05:00",
        "end": "2023-08-23T23:35:02.500-05:00",
    }
    assert arousal["effectiveDateTime"] == "2023-08-23T23:37:43-05:00"
    assert found.document is None


def test_a_night_without_events_makes_no_resources(tmp_path):
    assert list(contents(events([("+0", "0", "Recording starts")]), tmp_path).units) == []


@pytest.mark.parametrize(
    "content",
    [
        session(seconds="99999999", checksums=False),
        events([("+99999999999", "0", "Hypopnea")]),
        events([("+1", "99999999999", "Hypopnea")]),
    ],
)
def test_a_length_that_cannot_be_is_refused(tmp_path, content):
    with pytest.raises(UnreadableFile, match="days"):
        contents(content, tmp_path)


def test_breathing_flow_is_kept_as_the_file_that_it_is(tmp_path):
    found = contents(session([FLOW]), tmp_path)

    assert list(found.units) == []
    assert found.document is not None
    assert "Flow.40ms" in found.notes[0]


def test_leads_of_another_makers_file_are_a_waveform_and_the_rest_is_named(tmp_path):
    lead = Signal("ECG V2", "mV", ("-3.2768", "3.2767"), (-32768, 32767), [-3, 0, 7, 5])
    other = Signal("EEG Fpz-Cz", "uV", ("-500", "500"), (-2048, 2047), [1, 2, 3, 4])
    content = session([lead, other], seconds="1", checksums=False)
    found = contents(content, tmp_path, "ecg-monitor")
    strip, report = resources(found, "ecg-monitor")

    (component,) = strip["component"]
    assert component["code"]["coding"][0]["code"] == "131332"
    assert component["valueSampledData"]["data"] == "-3 0 7 5"
    assert (component["valueSampledData"]["factor"], component["valueSampledData"]["origin"]["value"]) == (
        Decimal("0.1"),
        0,
    )
    assert report["resourceType"] == "DiagnosticReport"
    assert "EEG Fpz-Cz" in found.notes[0]
    assert "identifier" in strip
    assert len(strip["identifier"]) == 1


def test_a_label_in_another_unit_is_not_guessed(tmp_path):
    leak = Signal("Leak.2s", "L/min", ("0.00", "2.00"), (0, 100), [0, 0, 1, 1])
    found = contents(session([leak]), tmp_path)

    assert list(found.units) == []
    assert "Leak.2s" in found.notes[0]


def test_a_signal_without_calibration_is_named_and_never_zero(tmp_path):
    content = session([LEAK], checksums=False).replace(b"2.00    ", b"0.00    ", 1)
    found = contents(content, tmp_path)

    assert list(found.units) == []
    assert "Leak.2s" in found.notes[0]


def test_a_recording_that_hides_its_date_needs_the_callers(tmp_path):
    content = bytearray(session(checksums=False))
    content[192:197] = b"EDF+C"
    content[88:168] = b"Startdate X X X X".ljust(80)
    content[168:176] = b"01.01.85"
    with pytest.raises(UnreadableFile, match="`start`"):
        contents(bytes(content), tmp_path)
    made = resources(contents(bytes(content), tmp_path, start=datetime(2024, 5, 1, 22, tzinfo=ZONE)))
    assert made[0]["effectivePeriod"]["start"] == "2024-05-01T22:00:00-05:00"


# ---- the real card, read a second time with struct alone


def signals_of(path):
    content = path.read_bytes()
    count, header, records = int(content[252:256]), int(content[184:192]), int(content[236:244])
    labels = [content[256 + 16 * each : 272 + 16 * each].decode("latin-1").strip() for each in range(count)]
    sizes = [int(content[256 + 216 * count + 8 * each :][:8]) for each in range(count)]
    found, position = {label: [] for label in labels}, header
    for _ in range(records):
        for label, size in zip(labels, sizes, strict=True):
            found[label] += struct.unpack_from(f"<{size}h", content, position)
            position += 2 * size
    assert position == len(content)
    return found


@needs_real_input
@pytest.mark.parametrize("name", ["20230823_233242", "20230823_234226", "20230824_053002"])
def test_the_sessions_of_a_real_night_are_what_their_samples_say(name):
    path = FOLDER / "cpap" / "DATALOG" / "20230823" / f"{name}_PLD.edf"
    raw = signals_of(path)
    made = by_code(resources(contents(path)))

    leak = [each * Decimal("1.2") for each in raw["Leak.2s"]]  # hundredths of 2 L/s, in L/min
    pressure = [each * Decimal("0.02") for each in raw["MaskPress.2s"]]
    rate = [each * Decimal("0.2") for each in raw["RespRate.2s"] if each >= 15]
    volume = [each * 20 for each in raw["TidVol.2s"]]
    for code, samples in (
        ("8411040", leak),
        ("pap-pressure", pressure),
        ("33438-3", rate),
        ("76222-9", volume),
    ):
        assert statistics(made[code]) == {
            "median": median(samples),
            "minimum": min(samples),
            "maximum": max(samples),
        }


@needs_real_input
def test_every_file_of_a_real_card_is_read():
    made = {}
    for path in sorted((FOLDER / "cpap").rglob("*.edf")):
        found = contents(path)
        kind = path.stem.rpartition("_")[2]
        made.setdefault(kind, []).append((len(list(found.units)), found.document is not None))

    assert made == {
        "BRP": [(0, True)] * 6,
        "CSL": [(0, False)],
        "EVE": [(0, False)],
        "PLD": [(1, True)] * 6,
        "SAD": [(1, True)] * 6,
        "STR": [(17, False)],
    }


_OF_A_NIGHT = {
    "usage": ("Duration", "1"),
    "ahi": ("AHI", "0.1"),
    "obstructiveApneaIndex": ("OAI", "0.1"),
    "hypopneaIndex": ("HI", "0.1"),
    "leakMedian": ("Leak.50", "0.02"),
    "leak95": ("Leak.95", "0.02"),
    "leakMaximum": ("Leak.Max", "0.02"),
    "pressureMedian": ("MaskPress.50", "0.02"),
    "pressure95": ("MaskPress.95", "0.02"),
    "respiratoryRateMedian": ("RespRate.50", "0.2"),
    "tidalVolumeMedian": ("TidVol.50", "0.02"),
    "minuteVentilationMedian": ("MinVent.50", "0.125"),
    "pressureSet": ("S.C.Press", "0.02"),
}


@needs_real_input
def test_the_nights_of_a_real_card_are_what_its_records_say():
    path = FOLDER / "cpap" / "STR.edf"
    raw = signals_of(path)
    nights = [unit.readings[0] for unit in contents(path).units]

    used = [number for number, minutes in enumerate(raw["Duration"]) if minutes > 0]
    assert [(night.night - datetime(1970, 1, 1, tzinfo=UTC).date()).days for night in nights] == [
        raw["Date"][number] for number in used
    ]
    for night, number in zip(nights, used, strict=True):
        for field, (label, step) in _OF_A_NIGHT.items():
            value, digital = night.fields.get(field), raw[label][number]
            if value is not None:
                assert value == (Absent("unknown") if digital == -1 else digital * Decimal(step)), label
    assert not ResmedNights().recognises(
        (FOLDER / "cpap/Identification.tgt").read_bytes(), "Identification.tgt"
    )
    assert isinstance(EdfRecording().name, str)
