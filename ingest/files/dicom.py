"""A 12-lead ECG in DICOM as one unit: measurements, rhythm strip and report are stored together or not at all.

https://dicom.nema.org/medical/dicom/current/output/chtml/part10/chapter_7.html
"""

from dataclasses import replace
from functools import partial
from typing import Final

from ingest.files.format import Contents, Format, Incoming, Origin, Unit
from mappers.ecg import EcgReport, map_ecg
from mappers.mapped import MappingContext, MappingResult
from mappers.reading import Reading


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
        unit = Unit((ecg.report.reading,), partial(_mapped, ecg.report), where="the recording")
        return Contents((unit,), tuple(notes))


def _mapped(report: EcgReport, reading: Reading, context: MappingContext) -> MappingResult:
    return map_ecg(replace(report, reading=reading), context)
