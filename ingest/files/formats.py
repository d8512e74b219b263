"""The formats of files that are taken, and which of them a file has.

docs/ingest.md, "Files"
"""

from collections.abc import Sequence
from typing import Final

from ingest.files.dicom import DicomEcg
from ingest.files.ecg_pdf import EcgPdf
from ingest.files.edf import EdfRecording
from ingest.files.format import Format, Incoming
from ingest.files.messages import HealthConnect, OpenMHealth, Readings
from ingest.files.phd import PhdBundle
from ingest.files.resmed import ResmedNights
from ingest.files.table import DeclaredTable
from ingest.files.wfdb import Wfdb

FORMATS: Final[tuple[Format, ...]] = (
    DicomEcg(),
    EcgPdf(),
    ResmedNights(),
    EdfRecording(),
    Wfdb(),
    PhdBundle(),
    OpenMHealth(),
    HealthConnect(),
    Readings(),
    DeclaredTable(),
)
"""Asked in this order: the first that recognises a file reads it."""

HEAD_BYTES: Final = 65_536


def format_of(file: Incoming, formats: Sequence[Format] = FORMATS) -> Format | None:
    """The first format that recognises the file, None when none does."""
    with file.path.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    return next((each for each in formats if each.recognises(head, file.name)), None)
