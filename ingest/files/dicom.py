"""A 12-lead ECG in DICOM as one unit: measurements, rhythm strip and report are stored together or not at all.

https://dicom.nema.org/medical/dicom/current/output/chtml/part10/chapter_7.html
"""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from ingest.files.format import Contents, Document, Format, Incoming, Origin, Unit
from mappers.ecg import EcgReport, map_ecg, study
from mappers.mapped import MappingContext, MappingResult
from mappers.reading import Reading
from mappers.waveform import KEPT_AS_FILE, Waveform, seconds, shortened

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
            notes.append(f"the file states no time zone; {origin.zone} is assumed")
        whole = ecg.report.waveform
        document = None if whole is None else _document(whole, ecg, file.bare_name)
        if ecg.others:
            notes.append(f"{ecg.others} more waveforms in the kept file only: the first is stored as samples")
        if whole is not None and len(whole.leads[0].samples) > KEPT_AS_FILE:
            notes.append("of the waveform the first strip is stored as samples")
        report = replace(ecg.report, waveform=None if whole is None else shortened(whole))
        unit = Unit((report.reading,), partial(_mapped, report), where="the recording")
        return Contents((unit,), tuple(notes), document)


def _mapped(report: EcgReport, reading: Reading, context: MappingContext) -> MappingResult:
    return map_ecg(replace(report, reading=reading), context)


def _document(waveform: Waveform, ecg: "dicom.DicomEcg", name: str) -> Document | None:
    """How the file is kept, where not all that was recorded becomes Observations."""
    length = len(waveform.leads[0].samples)
    if length <= KEPT_AS_FILE and not ecg.others:
        return None
    start = ecg.report.reading.time.moment
    return Document(
        name, "application/dicom", study(), start=start, end=start + seconds(length, waveform.rate)
    )
