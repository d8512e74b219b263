"""How a DICOM ECG may be written, and when it is kept as the file that it is."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from ingest.errors import UnreadableFile
from ingest.files.dicom import DicomEcg
from ingest.files.format import Incoming, Origin
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.profile import device_profile

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
DEVICE = Device(
    1, "d1", "ecg-1", "ecg-monitor", disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
)
ECG = Path(str(get_testdata_file("waveform_ecg.dcm", download=False)))


def contents(path):
    return DicomEcg().read(Incoming(path.name, path, path.stat().st_size, b""), Origin(DEVICE, RECEIVED, UTC))


def test_an_ecg_of_ten_seconds_is_all_samples():
    assert contents(ECG).document is None


def test_of_a_longer_one_a_strip_is_stored_and_the_file_is_kept(tmp_path):
    dataset = dcmread(ECG)
    group = dataset.WaveformSequence[0]
    group.WaveformData *= 4
    group.NumberOfWaveformSamples *= 4
    path = tmp_path / "long.dcm"
    dataset.save_as(path)

    found = contents(path)
    (unit,) = found.units
    mapped = unit.mapper(
        unit.readings[0], MappingContext("p1", "d1", device_profile("ecg-monitor"), b"k" * 32)
    )
    assert isinstance(mapped, Mapped)
    strips = [each for each in mapped.resources if each["code"]["coding"][0]["code"] == "131328"]
    assert [each["effectivePeriod"]["end"] for each in strips] == ["2013-01-25T10:59:29Z"]
    assert found.document is not None
    assert found.document.end - found.document.start == timedelta(seconds=40)


def test_of_leads_in_several_waveforms_the_first_are_samples_and_the_file_is_kept(tmp_path):
    dataset = dcmread(ECG)
    later = deepcopy(dataset.WaveformSequence[0])
    later.MultiplexGroupTimeOffset = 10_000
    dataset.WaveformSequence = [*dataset.WaveformSequence, later]
    path = tmp_path / "groups.dcm"
    dataset.save_as(path)

    found = contents(path)
    assert found.document is not None
    assert "1 more waveforms in the kept file only: the first is stored as samples" in found.notes


def test_samples_of_the_other_byte_order_are_the_same_samples(tmp_path):
    dataset = dcmread(ECG)
    for group in dataset.WaveformSequence:
        group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    path = tmp_path / "big.dcm"
    dcmwrite(path, dataset, implicit_vr=False, little_endian=False)

    assert strip(path) == strip(ECG)


def strip(path):
    (unit,) = contents(path).units
    mapped = unit.mapper(
        unit.readings[0], MappingContext("p1", "d1", device_profile("ecg-monitor"), b"k" * 32)
    )
    return [each["component"] for each in mapped.resources if each["code"]["coding"][0]["code"] == "131328"]


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path):
    dataset = dcmread(ECG)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "deflated.dcm"
    dataset.save_as(path)

    with pytest.raises(UnreadableFile, match="is deflated, which is not read"):
        contents(path)
