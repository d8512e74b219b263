"""The waveforms of a DICOM ECG: each lead with its calibration, each group of leads with the time at which it began.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.10.9.html
"""

import re
from dataclasses import dataclass
from datetime import timedelta
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
_MOST: Final = 32
"""Waveforms of one file; those who record lead by lead have twelve."""

_LONGEST_OFFSET: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The waveforms that were recorded, in the order of the file; `unread` says which cannot be read, and why."""

    waveforms: tuple[Waveform, ...]
    unread: tuple[str, ...]


def recorded(dataset: Dataset) -> Recorded:
    """What was recorded, each group of leads that were sampled together a waveform of its own.

    Raises UnreadableFile, naming the channel, where none of them has leads, units and samples that are read here.
    """
    groups = _originals(dataset)
    if len(groups) > _MOST:
        raise UnreadableFile(f"The file has {len(groups)} waveforms; at most {_MOST} are read.")
    found: list[Waveform] = []
    unread: list[UnreadableFile] = []
    for number, group in groups:
        try:
            found.append(_waveform(number, group, dataset, str(len(found) + 1) if found else ""))
        except UnreadableFile as error:
            unread.append(error)
    if not found:
        raise unread[0]
    return Recorded(tuple(found), tuple(map(str, unread)))


def _waveform(number: int, group: Dataset, dataset: Dataset, part: str) -> Waveform:
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
    rate = Fraction(str(group.SamplingFrequency))
    if not leads or not size[0] or rate <= 0:
        raise UnreadableFile(f"{place} has no samples, or says no rate at which they were taken.")
    return Waveform(ECG, rate, tuple(leads), _after(group, place), part)


def _after(group: Dataset, place: str) -> timedelta:
    """How long after the acquisition began the group did."""
    offset = group.get("MultiplexGroupTimeOffset")
    milliseconds = Fraction(str(offset)) if offset is not None else Fraction(0)
    if not 0 <= milliseconds <= _LONGEST_OFFSET / timedelta(milliseconds=1):
        raise UnreadableFile(
            f"{place}.MultiplexGroupTimeOffset is no time within {_LONGEST_OFFSET.days} days."
        )
    return timedelta(microseconds=round(milliseconds * 1000))


def _originals(dataset: Dataset) -> list[tuple[int, Dataset]]:
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
