"""The waveform of a DICOM ECG: its rhythm strip, each lead with its calibration.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.10.9.html
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from pydicom.dataset import Dataset

from ingest.errors import UnreadableFile
from mappers.waveform import Lead, Waveform

ECG: Final = "ecg-waveform"

# the number that SCP-ECG gives a lead, which MDC took over
_LEADS: Final = MappingProxyType(
    {1: "i", 2: "ii", 61: "iii", 62: "avr", 63: "avl", 64: "avf"} | {2 + n: f"v{n}" for n in range(1, 7)}
)
_SCHEMES: Final = MappingProxyType(
    {"SCPECG": re.compile(r"5\.6\.3-9-(\d{1,3})"), "MDC": re.compile(r"2:(\d{1,3})")}
)
_UNIT: Final = "uV"


def rhythm(dataset: Dataset) -> Waveform:
    """The waveform that was recorded, the first if there are several.

    Raises UnreadableFile, naming the channel, for leads, units or samples that are not read here.
    """
    number, group = originals(dataset)[0]
    place = f"WaveformSequence[{number}]"
    if group.get("WaveformSampleInterpretation") != "SS" or group.WaveformBitsAllocated != 16:
        raise UnreadableFile(f"{place}: only signed samples of 16 bits are read.")
    size = int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels)
    samples = np.frombuffer(group.WaveformData, np.dtype("i2").newbyteorder(_order(dataset)))[
        : size[0] * size[1]
    ].reshape(size)
    gap = _gap(group, dataset)
    leads = [
        _lead(channel, samples[:, column].tolist(), gap, f"{place}.ChannelDefinitionSequence[{column}]")
        for column, channel in enumerate(group.ChannelDefinitionSequence)
    ]
    return Waveform(ECG, Fraction(str(group.SamplingFrequency)), tuple(leads))


def originals(dataset: Dataset) -> list[tuple[int, Dataset]]:
    """The waveforms that were recorded, with their numbers: those not derived from another, as a median beat is."""
    groups = list(enumerate(dataset.WaveformSequence))
    recorded = [each for each in groups if each[1].get("WaveformOriginality", "ORIGINAL") == "ORIGINAL"]
    return recorded or groups[:1]


def _order(dataset: Dataset) -> Literal["little", "big"]:
    """How the bytes of a sample follow each other; pydicom gives them as they stand in the file."""
    return "big" if dataset.original_encoding[1] is False else "little"


def _gap(group: Dataset, dataset: Dataset) -> int | None:
    """The value that stands for no sample; None where there is none."""
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes):
        return int.from_bytes(padding[:2], _order(dataset), signed=True)
    return None if padding is None else int(padding)


def _lead(channel: Dataset, samples: list[int], gap: int | None, place: str) -> Lead:
    _check_unit(channel, place)
    try:
        factor = Decimal(str(channel.ChannelSensitivity)) * Decimal(
            str(channel.get("ChannelSensitivityCorrectionFactor", 1))
        )
        origin = Decimal(str(channel.get("ChannelBaseline", 0)))
    except (AttributeError, InvalidOperation) as error:
        raise UnreadableFile(f"{place} has no sensitivity that is a number.") from error
    kept = samples if gap is None else [None if sample == gap else sample for sample in samples]
    return Lead(_metric(channel, place), kept, _plain(factor), _plain(origin))


def _check_unit(channel: Dataset, place: str) -> None:
    units = channel.get("ChannelSensitivityUnitsSequence")
    unit = str(units[0].CodeValue) if units else "none"
    if unit != _UNIT:
        raise UnreadableFile(f"{place} is in {unit!r}. Only {_UNIT} is read.")


def _metric(channel: Dataset, place: str) -> str:
    source = channel.ChannelSourceSequence[0]
    scheme = _SCHEMES.get(str(source.CodingSchemeDesignator))
    found = scheme.fullmatch(str(source.CodeValue)) if scheme else None
    lead = _LEADS.get(int(found[1])) if found else None
    if lead is None:
        raise UnreadableFile(
            f"{place}: {source.CodingSchemeDesignator} {source.CodeValue} is no lead of the 12."
        )
    return f"ecg-lead-{lead}"


def _plain(value: Decimal) -> Decimal:
    """1E+1 is 10: JSON readers differ over exponents."""
    return Decimal(format(value.normalize(), "f"))
