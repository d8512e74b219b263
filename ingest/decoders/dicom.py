"""A 12-lead ECG in DICOM: when it was taken, what the cardiograph measured, what it recorded.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_A.34.3.html
"""

import io
import logging
import re
import struct
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from ingest.decoders.dicom_waveform import recorded
from ingest.errors import UnreadableFile
from ingest.ports import Device
from mappers.ecg import EcgReport
from mappers.errors import InvalidTime
from mappers.metrics import metric
from mappers.reading import FieldValue, Reading
from mappers.times import DeviceTime, from_datetime, in_zone
from mappers.waveform import Lead

# What a coded measurement is, in the words of the device profile `ecg-monitor`; MDC codes are partition:term.
MEASUREMENTS: Final = {
    ("SCPECG", "5.10.2.1-3"): "rrInterval",
    ("SCPECG", "5.13.5-7"): "prInterval",
    ("SCPECG", "5.13.5-9"): "qrsDuration",
    ("SCPECG", "5.13.5-11"): "qtInterval",
    ("SCPECG", "5.10.2.5-5"): "qtcInterval",
    ("SCPECG", "5.10.3-11"): "pAxis",
    ("SCPECG", "5.10.3-13"): "qrsAxis",
    ("SCPECG", "5.10.3-15"): "tAxis",
    ("MDC", "2:16168"): "rrInterval",
    ("MDC", "2:15872"): "prInterval",
    ("MDC", "2:16144"): "pqInterval",
    ("MDC", "2:16156"): "qrsDuration",
    ("MDC", "2:16160"): "qtInterval",
    ("MDC", "2:16132"): "qrsAxis",
    ("MDC", "2:15876"): "qtcInterval",
    ("MDC", "2:15880"): "qtcIntervalBazett",
    ("MDC", "2:15892"): "qtcIntervalFridericia",
    ("MDC", "2:16770"): "heartRate",
}

_AXES: Final = frozenset({"pAxis", "qrsAxis", "tAxis"})
"""Where 0 may be what was measured, too."""

_BROKEN: Final = (
    *(ArithmeticError, AttributeError, BytesLengthException, EOFError, LookupError, NotImplementedError),
    *(OSError, RecursionError, TypeError, ValueError, struct.error),
)
"""Elements are read when they are asked for, and one wrong byte gives them another type: any of these may come of it."""

_DEFLATED: Final = re.compile(rb"\x02\x00\x10\x00UI..1\.2\.840\.10008\.1\.2\.1\.99", re.DOTALL)
"""The transfer syntax of a file that pydicom would inflate at once, however large that becomes."""

_TAG: Final = re.compile(r"\([0-9a-fA-F]{4},\s?[0-9a-fA-F]{4}\)")
_DATE_TIME: Final = re.compile(r"([0-9]{14})(?:\.([0-9]{1,6}))?([+-][0-9]{4})?")


@dataclass(frozen=True, slots=True)
class DicomEcg:
    """An ECG file's report for the mapper, and what else is in it.

    `leads` are those that were recorded; `unread` names waveforms and measurements that are wrong or not read here, with
    the reason, `unmapped` measurements that have no confirmed code here: neither are stored. `zone_assumed` says that the
    file does not tell its time zone.
    """

    report: EcgReport
    leads: tuple[str, ...]
    unread: tuple[str, ...]
    unmapped: tuple[str, ...]
    zone_assumed: bool


def decode(content: bytes, device: Device, received: datetime, zone: tzinfo = UTC) -> DicomEcg:
    """The ECG in `content`, taken by `device`; `zone` is the cardiograph's where the file does not say.

    A measurement of 0 is one that was not made; of an axis that cannot be told. Raises UnreadableFile for what is no complete DICOM ECG, and says where it breaks.
    """
    # pydicom quotes the contents of what it finds strange
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return _decoded(content, device, received, zone)
        except _BROKEN as error:
            raise UnreadableFile(
                f"The DICOM file of {len(content)} bytes is broken{_place(error)}: {type(error).__name__}."
            ) from error


def _decoded(content: bytes, device: Device, received: datetime, zone: tzinfo) -> DicomEcg:
    dataset = _dataset(content)
    found, measured = recorded(dataset), _measurements(dataset)
    time, zone_assumed = _time(dataset, zone)
    reading = Reading(
        device=device.name,
        profile=device.profile,
        time=time,
        received=received,
        fields=dict[str, FieldValue](measured.fields),
        units=measured.units,
    )
    report = EcgReport(reading, _conclusion(dataset), found.waveforms)
    leads = tuple(_lead_name(lead) for waveform in found.waveforms for lead in waveform.leads)
    unread = (*found.unread, *measured.refused.values())
    return DicomEcg(report, leads, unread, tuple(measured.unmapped), zone_assumed)


def _dataset(content: bytes) -> Dataset:
    if _DEFLATED.search(content):
        raise UnreadableFile(
            "The DICOM file is deflated, which is not read. Write it as Explicit VR Little Endian."
        )
    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        _check_complete(dataset, len(content))
    except InvalidDicomError as error:
        raise UnreadableFile("The file is not DICOM: it has no DICM at byte 128.") from error
    except (OSError, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise UnreadableFile(
            f"The DICOM file breaks off within its {len(content)} bytes: {error}."
        ) from error
    return dataset


def _place(error: Exception) -> str:
    tag = _TAG.search(str(error))
    return f" in element {tag[0]}" if tag else ""


def _check_complete(dataset: Dataset, size: int) -> None:
    """Nothing, when every element has all its bytes and the waveforms are there."""
    tags = list(dataset.keys())  # iterating the dataset itself would convert the raw elements
    for tag in tags:
        element: object = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and element.length != 0xFFFFFFFF:
            start, end = element.value_tell, element.value_tell + element.length
            if end > size:
                name = pydicom.datadict.keyword_for_tag(tag) or "a private element"
                raise UnreadableFile(
                    f"The file ends at byte {size}, inside {name} {tag}: bytes {start} to {end}."
                )
            if tag == tags[-1] and end != size:
                raise UnreadableFile(f"The file ends at byte {size}, inside the element after {tag}.")
    if "WaveformSequence" not in dataset or not dataset.WaveformSequence:
        raise UnreadableFile(
            f"The file ends at byte {size} without a WaveformSequence (5400,0100): it is no ECG."
        )
    for number, group in enumerate(dataset.WaveformSequence):
        needed = (
            group.NumberOfWaveformChannels * group.NumberOfWaveformSamples * group.WaveformBitsAllocated // 8
        )
        if len(group.get("WaveformData") or b"") < needed:
            raise UnreadableFile(
                f"WaveformSequence[{number}].WaveformData is shorter than its {needed} bytes."
            )


def _lead_name(lead: Lead) -> str:
    return metric(lead.metric).text.removeprefix("ECG lead ")


@dataclass(slots=True)
class _Measured:
    """What the cardiograph measured, by field; `refused` says why a field is not taken, though the file names it."""

    fields: dict[str, Decimal] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)

    def take(self, name: str, value: Decimal, unit: str) -> None:
        """The value, unless another one came before it: neither can be told to be right."""
        if name in self.fields and (self.fields[name], self.units[name]) != (value, unit):
            self.refuse(name, "two values")
        elif name not in self.refused:
            self.fields[name], self.units[name] = value, unit

    def refuse(self, name: str, why: str) -> None:
        """Nothing is taken of this field."""
        self.fields.pop(name, None)
        self.units.pop(name, None)
        self.refused[name] = f"{name}: {why}"


def _measurements(dataset: Dataset) -> _Measured:
    found = _Measured()
    for annotation in dataset.get("WaveformAnnotationSequence", ()):
        if "NumericValue" not in annotation or "ConceptNameCodeSequence" not in annotation:
            continue
        concept = annotation.ConceptNameCodeSequence[0]
        name = MEASUREMENTS.get((str(concept.CodingSchemeDesignator), str(concept.CodeValue)))
        if name is None:
            found.unmapped.append(str(concept.CodeMeaning))
            continue
        value = _number(annotation.NumericValue)
        if value is None:
            found.refuse(name, "its value is not one number")
        elif not value and name in _AXES:
            found.refuse(name, "0 may be the axis, or say that there is none")
        elif value:
            found.take(name, value, str(annotation.MeasurementUnitsCodeSequence[0].CodeValue))
    return found


def _number(value: object) -> Decimal | None:
    """The one number that the value is, None if it is anything else."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _time(dataset: Dataset, zone: tzinfo) -> tuple[DeviceTime, bool]:
    """When the ECG was acquired, and whether its time zone had to be assumed."""
    text = str(dataset.get("AcquisitionDateTime", ""))
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        raise UnreadableFile(f"AcquisitionDateTime (0008,002A) {text!r} is no time to the second.")
    stamp, fraction, offset = match.groups()
    stated = offset or dataset.get("TimezoneOffsetFromUTC")
    try:
        clock = datetime.strptime(stamp, "%Y%m%d%H%M%S")  # noqa: DTZ007 - in_zone gives it its zone
        whole = in_zone(clock, _zone(str(stated)) if stated else zone)
        moment = whole.replace(microsecond=int((fraction or "").ljust(6, "0")))
        return from_datetime(moment, len(fraction or "")), stated is None
    except (ValueError, InvalidTime) as error:
        raise UnreadableFile(f"AcquisitionDateTime (0008,002A) {text!r} is no time: {error}.") from error


def _zone(offset: str) -> timezone:
    hours, minutes = int(offset[:3]), int(offset[0] + offset[3:5])
    return timezone(timedelta(hours=hours, minutes=minutes))


def _conclusion(dataset: Dataset) -> str | None:
    """The cardiograph's own words, one statement per line."""
    texts = [
        str(annotation.UnformattedTextValue).strip()
        for annotation in dataset.get("WaveformAnnotationSequence", ())
        if annotation.get("UnformattedTextValue")
    ]
    return "\n".join(text for text in texts if text) or None
