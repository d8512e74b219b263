"""Readings from a file: a DICOM ECG, the nights on a ResMed card, or readings in JSON or NDJSON.

docs/ingest.md, "Files"
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Final, Literal

from ingest.answer import Result
from ingest.decoders import reading as reading_decoder
from ingest.decoders.batch import json_batch, ndjson_batch
from ingest.errors import TooLarge, Unreadable, UnreadableFile
from ingest.issue import Issue
from ingest.pipeline import Pipeline
from ingest.ports import Assignment, Device
from mappers.ecg import EcgReport, map_ecg
from mappers.mapped import MappingContext, MappingResult
from mappers.reading import Reading

Kind = Literal["dicom-ecg", "resmed-nights", "json", "ndjson"]

MAX_BYTES: Final = 200_000_000
MAX_READINGS: Final = 1_000_000
_TOGETHER: Final = 1_000
_EDF: Final = b"0       "  # the version in the header of every EDF file
_ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What became of a file: a result for each reading in it, and notes for the person who brought it."""

    path: Path
    kind: Kind
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()


def kind_of(content: bytes) -> Kind:
    """What a file holds, by its content. Raises UnreadableFile for what is none of the known kinds."""
    if content[128:132] == b"DICM":
        return "dicom-ecg"
    if content[:8] == _EDF:
        return "resmed-nights"
    text = content.lstrip()
    if text[:1] == b"[":
        return "json"
    if text[:1] == b"{":
        first, _, rest = text.partition(b"\n")
        return "ndjson" if rest.strip() and first.rstrip().endswith(b"}") else "json"
    raise UnreadableFile("The file is neither DICOM nor EDF nor JSON nor NDJSON.")


async def ingest_file(
    path: Path,
    pipeline: Pipeline,
    *,
    device: str,
    patient: str | None,
    clock: Callable[[], datetime],
    zone: timezone = UTC,
) -> FileSummary:
    """What became of the readings in the file at `path`, measured by the registered `device`.

    `patient` is whom the caller says it was, needed where the device was assigned to nobody then; it never overrules
    an assignment. `zone` is the device's where the file states none. Raises UnreadableFile when the file is broken
    anywhere; then nothing of it was stored. Large files are committed in parts, and the same file may be brought again.
    """
    content = _content(path)
    kind = kind_of(content)
    now = clock()
    registered = await pipeline.devices.find(device, now)
    if registered is None:
        raise UnreadableFile(f"No device named {device!r} is registered. Run `fhir-server device add` first.")
    if kind == "dicom-ecg":
        return await _ecg(path, content, pipeline, registered, patient, now, zone)
    if kind == "resmed-nights":
        return await _nights(path, content, pipeline, registered, patient, now, zone)
    return await _readings(path, content, kind, pipeline, registered, patient, now)


async def _ecg(
    path: Path,
    content: bytes,
    pipeline: Pipeline,
    device: Device,
    patient: str | None,
    now: datetime,
    zone: timezone,
) -> FileSummary:
    # pydicom is for those who bring DICOM files, and slow to import
    from ingest.decoders import dicom

    ecg = dicom.decode(content, device, now, zone)
    reading = replace(ecg.report.reading, patient=patient)
    known = await _assigned(pipeline, device, [reading], patient)
    results = await pipeline.stored([reading], known, "vitals", partial(_mapped, ecg.report))
    notes = [f"leads {' '.join(ecg.leads)}"]
    if ecg.unmapped:
        notes.append(f"not stored, since no code for it is confirmed: {', '.join(ecg.unmapped)}")
    if ecg.zone_assumed:
        notes.append(f"the file states no time zone; {zone} is assumed")
    return FileSummary(path, "dicom-ecg", tuple(results), tuple(notes))


def _mapped(report: EcgReport, reading: Reading, context: MappingContext) -> MappingResult:
    return map_ecg(replace(report, reading=reading), context)


async def _nights(
    path: Path,
    content: bytes,
    pipeline: Pipeline,
    device: Device,
    patient: str | None,
    now: datetime,
    zone: timezone,
) -> FileSummary:
    # edfio brings numpy, which is slow to import
    from ingest.decoders import resmed

    nights = resmed.decode(content, device, now, zone)
    readings = [replace(reading, patient=patient) for reading in nights.readings]
    known = await _assigned(pipeline, device, readings, patient)
    results = await pipeline.stored(readings, known, "vitals")
    notes = [
        f"{len(readings)} nights; {nights.unused} days without use; the card states no zone, {zone} is assumed"
    ]
    if nights.modes:
        notes.append(
            f"settings not stored, since these modes are not known here: {', '.join(map(str, nights.modes))}"
        )
    return FileSummary(path, "resmed-nights", tuple(results), tuple(notes))


async def _readings(
    path: Path,
    content: bytes,
    kind: Kind,
    pipeline: Pipeline,
    device: Device,
    patient: str | None,
    now: datetime,
) -> FileSummary:
    try:
        batch = (ndjson_batch if kind == "ndjson" else json_batch)(content, MAX_READINGS)
    except (Unreadable, TooLarge) as error:
        raise UnreadableFile(str(error)) from error
    readings = []
    for number, item in enumerate(batch.items, 1):
        if isinstance(item, Issue):
            raise UnreadableFile(
                f"Reading {number} is broken: {item.diagnostics} Nothing of the file was stored."
            )
        tree = {"patient": patient, **item} if patient is not None else item
        readings.append(reading_decoder.decode(tree, device, now))
    known = await _assigned(
        pipeline, device, [each for each in readings if isinstance(each, Reading)], patient
    )
    results: list[Result] = []
    for start in range(0, len(readings), _TOGETHER):
        results += await pipeline.stored(readings[start : start + _TOGETHER], known, "reading")
    return FileSummary(path, kind, tuple(results))


async def _assigned(
    pipeline: Pipeline, device: Device, readings: list[Reading], patient: str | None
) -> Device:
    """The device with its assignments at those times and, where there is none, the patient that the caller names."""
    known = await pipeline.with_assignments(device, readings)
    if patient is None:
        return known
    stated = Assignment(patient.removeprefix("Patient/"), *_ALWAYS)
    return replace(known, assignments=(*known.assignments, stated))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableFile(f"The file is larger than {MAX_BYTES} bytes. Split it.")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"The file cannot be read: {error.strerror}.") from error
