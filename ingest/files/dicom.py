"""A 12-lead ECG in DICOM as one unit: measurements, waveforms and report are stored together or not at all.

https://dicom.nema.org/medical/dicom/current/output/chtml/part10/chapter_7.html
"""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from ingest.files.format import Contents, Document, Format, Incoming, Origin, Unit
from mappers.ecg import EcgReport, map_ecg, study
from mappers.mapped import MappingContext, MappingResult, Rejected
from mappers.reading import Reading
from mappers.waveform import KEPT_AS_FILE, Waveform, shortened

if TYPE_CHECKING:
    from ingest.decoders import dicom


class DicomEcg(Format):
    """Files with DICM at byte 128."""

    name: Final = "dicom-ecg"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content says it
        """Whether the preamble ends as every DICOM file's does."""
        return head[128:132] == b"DICM"

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """The recording; raises UnreadableFile for one that is not complete."""
        # pydicom is for those who bring DICOM files, and slow to import
        from ingest.decoders import dicom

        ecg = dicom.decode(file.path.read_bytes(), origin.device, origin.received, origin.zone)
        notes = [f"leads {' '.join(ecg.leads)}"]
        if ecg.unmapped:
            notes.append(f"not stored, since no code for it is confirmed: {', '.join(ecg.unmapped)}")
        if ecg.zone_assumed:
            notes.append(f"the file states no time zone; {origin.zone_name} is assumed")
        if ecg.unread:
            notes.append(f"in the kept file only: {'; '.join(ecg.unread)}")
        if any(map(_is_long, ecg.report.waveforms)):
            notes.append("of the waveform the first strip is stored as samples")
        report = replace(ecg.report, waveforms=tuple(map(shortened, ecg.report.waveforms)))
        unit = Unit((report.reading,), partial(_mapped, report), where="the recording")
        document = _document(ecg, file.bare_name)
        return Contents((unit,), tuple(notes), document, zone_assumed=ecg.zone_assumed)


def _mapped(report: EcgReport, reading: Reading, context: MappingContext) -> MappingResult:
    """What becomes of the recording, without measurements that cannot be, which are named; Rejected if nothing is left."""
    mapped = map_ecg(replace(report, reading=reading), context)
    if not isinstance(mapped, Rejected):
        return mapped
    errors = [issue for issue in mapped.issues if issue.severity == "error"]
    wrong = {issue.element for issue in errors}
    left = {name: value for name, value in reading.fields.items() if name not in wrong}
    if not wrong <= reading.fields.keys() or not (left or report.waveforms):
        return mapped
    units = {name: unit for name, unit in reading.units.items() if name in left}
    sound = map_ecg(replace(report, reading=replace(reading, fields=left, units=units)), context)
    if isinstance(sound, Rejected):
        return mapped
    named = (replace(each, text=f"{each.text} It was not stored.", severity="warning") for each in errors)
    return replace(sound, warnings=(*sound.warnings, *named))


def _is_long(waveform: Waveform) -> bool:
    return len(waveform.leads[0].samples) > KEPT_AS_FILE


def _document(ecg: "dicom.DicomEcg", name: str) -> Document | None:
    """How the file is kept, where not all that was recorded becomes Observations."""
    waveforms = ecg.report.waveforms
    if not (ecg.unread or any(map(_is_long, waveforms))):
        return None
    start, length = ecg.report.reading.time.moment, max(each.ends for each in waveforms)
    return Document(name, "application/dicom", study(), start=start, end=start + length)
