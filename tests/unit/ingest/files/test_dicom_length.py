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


def in_groups(offsets):
    """The real ECG with its leads recorded one group of them after the other, the real samples of each."""
    dataset = dcmread(ECG)
    whole = dataset.WaveformSequence[0]
    channels, size = list(whole.ChannelDefinitionSequence), len(whole.ChannelDefinitionSequence)
    samples = np.frombuffer(whole.WaveformData, "<i2").reshape(-1, size)
    groups = []
    for number, offset in enumerate(offsets):
        part = deepcopy(whole)
        columns = slice(number * size // len(offsets), (number + 1) * size // len(offsets))
        part.ChannelDefinitionSequence = channels[columns]
        part.NumberOfWaveformChannels = len(channels[columns])
        part.WaveformData = samples[:, columns].tobytes()
        part.MultiplexGroupTimeOffset = offset
        groups.append(part)
    dataset.WaveformSequence = groups
    return dataset


def made(path):
    (unit,) = contents(path).units
    mapped = unit.mapper(
        unit.readings[0], MappingContext("p1", "d1", device_profile("ecg-monitor"), b"k" * 32)
    )
    assert isinstance(mapped, Mapped), mapped
    return mapped


def strips(path):
    return [each for each in made(path).resources if each["code"]["coding"][0]["code"] == "131328"]


def leads(strip):
    return {each["code"]["text"]: each["valueSampledData"] for each in strip["component"]}


def test_leads_recorded_one_group_after_the_other_are_all_samples_each_at_its_own_time(tmp_path):
    path = tmp_path / "groups.dcm"
    in_groups([0, 2500, 5000.5, 7500]).save_as(path)

    found = strips(path)
    assert [each["effectivePeriod"]["start"] for each in found] == [
        "2013-01-25T10:59:19Z",
        "2013-01-25T10:59:21.500Z",
        "2013-01-25T10:59:24.000500Z",
        "2013-01-25T10:59:26.500Z",
    ]
    together = {name: samples for each in found for name, samples in leads(each).items()}
    (whole,) = strips(ECG)
    assert together == leads(whole)
    assert contents(path).document is None


def test_groups_of_leads_recorded_at_once_are_observations_of_their_own(tmp_path):
    path = tmp_path / "groups.dcm"
    in_groups([0, 0]).save_as(path)

    found = strips(path)
    assert len({each["id"] for each in found}) == 2
    assert [len(each["component"]) for each in found] == [6, 6]


def test_a_group_that_cannot_be_read_is_named_and_the_others_are_stored_beside_the_file(tmp_path):
    dataset = in_groups([0, 2500])
    dataset.WaveformSequence[1].WaveformSampleInterpretation = "UB"
    path = tmp_path / "groups.dcm"
    dataset.save_as(path)

    found = contents(path)
    assert [len(each["component"]) for each in strips(path)] == [6]
    assert found.document is not None
    assert any("WaveformSequence[1]: only signed samples" in note for note in found.notes)


def test_more_groups_than_there_are_leads_are_refused(tmp_path):
    dataset = dcmread(ECG)
    dataset.WaveformSequence = [deepcopy(dataset.WaveformSequence[1]) for _ in range(33)]
    for group in dataset.WaveformSequence:
        group.WaveformOriginality = "ORIGINAL"
    path = tmp_path / "groups.dcm"
    dataset.save_as(path)

    with pytest.raises(UnreadableFile, match="33 waveforms; at most 32"):
        contents(path)


def test_twelve_leads_make_a_panel_that_names_all_that_was_found(tmp_path):
    *others, panel, report = made(ECG).resources

    assert panel["code"]["coding"][0]["code"] == "34534-8"
    assert [each["reference"] for each in panel["hasMember"]] == [
        f"Observation/{each['id']}" for each in others
    ]
    assert report["result"][-1] == {"reference": f"Observation/{panel['id']}"}
    path = tmp_path / "six.dcm"
    six = in_groups([0, 0])
    six.WaveformSequence = six.WaveformSequence[:1]
    six.save_as(path)
    assert "34534-8" not in codes(path)


def codes(path):
    return [each["code"]["coding"][0]["code"] for each in made(path).resources]


def measurement(dataset, meaning):
    return next(
        each
        for each in dataset.WaveformAnnotationSequence
        if each.get("ConceptNameCodeSequence") and each.ConceptNameCodeSequence[0].CodeMeaning == meaning
    )


def test_the_axes_of_the_heart_are_stored(tmp_path):
    found = {each["code"]["text"]: each.get("valueQuantity") for each in made(ECG).resources}

    assert {name: found[name]["value"] for name in ("QRS axis", "P axis", "T axis")} == {
        "QRS axis": 52,
        "P axis": 74,
        "T axis": 57,
    }
    dataset = dcmread(ECG)
    concept = measurement(dataset, "QRS Axis").ConceptNameCodeSequence[0]
    concept.CodingSchemeDesignator, concept.CodeValue = "MDC", "2:16132"
    path = tmp_path / "mdc.dcm"
    dataset.save_as(path)
    assert codes(path) == codes(ECG)


def test_an_axis_of_0_may_be_none_and_is_left_out_and_named(tmp_path):
    dataset = dcmread(ECG)
    measurement(dataset, "P Axis").NumericValue = "0"
    path = tmp_path / "zero.dcm"
    dataset.save_as(path)

    assert set(codes(ECG)) - set(codes(path)) == {"8626-4"}
    assert any("pAxis: 0 may be" in note for note in contents(path).notes)


@pytest.mark.parametrize("wrong", [["170", "171"], "5"], ids=["no single number", "implausible"])
def test_one_measurement_that_is_wrong_is_left_out_and_named(tmp_path, wrong):
    dataset = dcmread(ECG)
    measurement(dataset, "PR Interval").NumericValue = wrong
    path = tmp_path / "wrong.dcm"
    dataset.save_as(path)

    assert set(codes(ECG)) - set(codes(path)) == {"8625-6"}
    said = [*contents(path).notes, *(issue.text for issue in made(path).warnings)]
    assert any("prInterval" in text for text in said)


def test_a_measurement_with_two_values_is_left_out_and_named(tmp_path):
    dataset = dcmread(ECG)
    again = deepcopy(measurement(dataset, "QRS Duration"))
    again.NumericValue = 98
    dataset.WaveformAnnotationSequence.append(again)
    path = tmp_path / "twice.dcm"
    dataset.save_as(path)

    assert set(codes(ECG)) - set(codes(path)) == {"8633-0"}
    found = contents(path)
    assert any("qrsDuration: two values" in note for note in found.notes)
    assert found.document is not None


def test_samples_of_the_other_byte_order_are_the_same_samples(tmp_path):
    dataset = dcmread(ECG)
    for group in dataset.WaveformSequence:
        group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    path = tmp_path / "big.dcm"
    dcmwrite(path, dataset, implicit_vr=False, little_endian=False)

    assert [leads(each) for each in strips(path)] == [leads(each) for each in strips(ECG)]


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path):
    dataset = dcmread(ECG)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "deflated.dcm"
    dataset.save_as(path)

    with pytest.raises(UnreadableFile, match="is deflated, which is not read"):
        contents(path)
