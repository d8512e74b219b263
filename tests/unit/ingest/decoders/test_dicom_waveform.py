"""What a waveform may look like, made from the real ECG inside the pydicom wheel."""

from fractions import Fraction
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from ingest.decoders.dicom_waveform import recorded
from ingest.errors import UnreadableFile

ECG = Path(str(get_testdata_file("waveform_ecg.dcm", download=False)))


@pytest.fixture
def dataset():
    return dcmread(ECG)


def only(dataset):
    (found,) = recorded(dataset).waveforms
    return found


def test_the_rhythm_strip_is_read_and_not_the_median_beat(dataset):
    dataset.WaveformSequence = [dataset.WaveformSequence[1], dataset.WaveformSequence[0]]
    found = only(dataset)

    assert found.rate == Fraction(1000)
    assert {len(lead.samples) for lead in found.leads} == {10_000}


def test_a_lead_in_the_words_of_mdc_is_the_same_lead(dataset):
    for channel in dataset.WaveformSequence[0].ChannelDefinitionSequence:
        source = channel.ChannelSourceSequence[0]
        source.CodeValue = f"2:{str(source.CodeValue).rpartition('-')[2]}"
        source.CodingSchemeDesignator = "MDC"

    assert [lead.metric for lead in only(dataset).leads] == [lead.metric for lead in only(dcmread(ECG)).leads]


def test_padding_is_no_sample(dataset):
    group = dataset.WaveformSequence[0]
    group.WaveformData = b"\x00\x80" + group.WaveformData[2:]
    group.WaveformPaddingValue = b"\x00\x80"

    first, *others = only(dataset).leads
    assert first.samples[0] is None
    assert all(lead.samples[0] is not None for lead in others)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda group: setattr(group, "WaveformSampleInterpretation", "UB"),
            "only signed samples of 16 bits",
        ),
        (
            lambda group: setattr(
                group.ChannelDefinitionSequence[3].ChannelSensitivityUnitsSequence[0], "CodeValue", "mV"
            ),
            r"ChannelDefinitionSequence\[3\] is in 'mV'",
        ),
        (
            lambda group: delattr(group.ChannelDefinitionSequence[0], "ChannelSensitivity"),
            r"ChannelDefinitionSequence\[0\] has no sensitivity",
        ),
        (
            lambda group: setattr(
                group.ChannelDefinitionSequence[1].ChannelSourceSequence[0], "CodeValue", "5.6.3-9-77"
            ),
            r"5\.6\.3-9-77 is no lead of the 12",
        ),
    ],
    ids=["samples", "unit", "sensitivity", "lead"],
)
def test_what_is_not_read_is_refused_with_its_place(dataset, change, complaint):
    change(dataset.WaveformSequence[0])
    with pytest.raises(UnreadableFile, match=complaint):
        only(dataset)
