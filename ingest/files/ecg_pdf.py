"""An ECG report as PDF: nothing of it is read but that it can be, and it is kept as a document.

https://pdfa.org/resource/iso-32000-2/, 7.5 (file structure), 7.6 (encryption)
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest.errors import UnreadableFile
from ingest.files.format import Contents, Document, Format, Incoming, Origin
from mappers.errors import InvalidTime
from mappers.times import in_zone
from terminology.service import Coding
from terminology.systems import LOINC

if TYPE_CHECKING:
    from pypdf import PdfReader

_START: Final = b"%PDF-"
_START_WITHIN: Final = 1024
_END: Final = b"%%EOF"
_END_WITHIN: Final = 2048
_ECG_STUDY: Final = Coding(LOINC, "11524-6", "EKG study")


class EcgPdf(Format):
    """PDF files; whoever brings one in the name of an ECG device says that it is its report."""

    name: Final = "ecg-pdf"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - a PDF is told by its first bytes
        """Whether it begins as PDF does, within the first kilobyte as readers allow."""
        return _START in head[:_START_WITHIN]

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """The document alone; raises UnreadableFile for a file that is cut off, encrypted, or without a page."""
        with _understood(file), file.path.open("rb") as opened:
            from pypdf import PdfReader

            reader = PdfReader(opened)
            if reader.is_encrypted:
                raise UnreadableFile(
                    "The PDF is encrypted, from its trailer's /Encrypt on. Bring it without a password."
                )
            pages, made = len(reader.pages), _made(reader)
            active = tuple(_active(reader))
        if pages == 0:
            raise UnreadableFile("The PDF has no page. Bring another.")
        notes = [f"{pages} page{'s' if pages > 1 else ''}, kept as they are; no values are read from a PDF"]
        if active:
            notes.append(f"the PDF holds {', '.join(active)}; it is only ever served as an attachment")
        dated = _dated(made, origin)
        if origin.start is None and dated is not None:
            notes.append(f"when it was recorded is not known; it was made at {dated.isoformat()}")
            if dated is not made:
                offset = dated.isoformat()[-6:]
                notes.append(f"the PDF states no offset from UTC; {offset} was taken, `zone` says another")
        document = Document(file.bare_name, "application/pdf", _ECG_STUDY, dated=dated)
        return Contents((), tuple(notes), document, zone_assumed=origin.start is None and dated is not made)


def _dated(made: datetime | None, origin: Origin) -> datetime | None:
    """When the PDF was made, in the caller's zone where it does not say of which."""
    if made is None or made.tzinfo is not None:
        return made
    try:
        return in_zone(made, origin.zone)
    except InvalidTime as error:
        raise UnreadableFile(f"It was made at a time that cannot be: {error}") from error


@contextmanager
def _understood(file: Incoming) -> Iterator[None]:
    """A broken PDF as UnreadableFile, which says where it breaks as far as that is known."""
    _refuse_cut_off(file.path, file.size)
    logging.getLogger("pypdf").setLevel(
        logging.CRITICAL
    )  # what it mends in silence is told by notes or not at all
    try:
        yield
    except UnreadableFile:
        raise
    except Exception as error:  # pypdf lets through whatever a broken file makes of it
        raise UnreadableFile(
            f"The PDF cannot be read before its end at byte {file.size}: {type(error).__name__}: {str(error)[:200]}"
        ) from error


def _refuse_cut_off(path: Path, size: int) -> None:
    with path.open("rb") as file:
        file.seek(max(0, size - _END_WITHIN))
        if _END not in file.read():
            raise UnreadableFile(
                f"The PDF breaks off at byte {size}: its last line, {_END.decode()}, is missing."
            )


def _made(reader: "PdfReader") -> datetime | None:
    """When the PDF was made, by its own word, with its offset from UTC where it states one."""
    try:
        return None if reader.metadata is None else reader.metadata.creation_date
    except ValueError:
        return None


def _active(reader: "PdfReader") -> Iterator[str]:
    """What a viewer would run or unpack, by the names that PDF has for it."""
    root = reader.root_object
    names = root.get("/Names")
    found = {} if names is None else names.get_object()
    if "/JavaScript" in found:
        yield "scripts (/JavaScript)"
    if "/EmbeddedFiles" in found:
        yield "embedded files (/EmbeddedFiles)"
    if "/OpenAction" in root or "/AA" in root:
        yield "actions (/OpenAction)"
