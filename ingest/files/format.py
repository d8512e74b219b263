"""The port between files and their formats: what a format is given, and what it hands back.

docs/ingest.md, "Files"
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from ingest.issue import Issue
from ingest.pipeline import Mapper
from ingest.ports import Device, LetterFormat
from mappers.observation import map_reading
from mappers.reading import Reading
from terminology.service import Coding

NOTHING_BESIDE: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was brought: complete on disk, within the size limit, hashed.

    `name` is the one the sender gave, with the folders before it if they said any: for people, and to tell formats
    apart; never a path to open. `beside` are the other files of the same folder that came with it, by their bare names.
    """

    name: str
    path: Path
    size: int
    sha256: bytes
    beside: Mapping[str, Path] = field(default_factory=lambda: NOTHING_BESIDE)

    @property
    def bare_name(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Origin:
    """What the caller says of a file: whose device, when it came, what its times mean.

    `zone` is the device's where the file states none. `patient` is whom it measured where the device was assigned to
    nobody then; the framework sees to that, and a format needs it only to compare. `mapping` names a declaration, for
    formats that cannot be read without one. `start` is when the recording began, for a file that does not say.
    `corrects_zone` says that the file was read in another zone before, and wrongly; `again` that it is to be read though it
    was taken in before, since it is understood better now: what comes of it takes the place of what came of it then.
    """

    device: Device
    received: datetime
    zone: tzinfo
    patient: str | None = None
    mapping: str | None = None
    start: datetime | None = None
    corrects_zone: bool = False
    again: bool = False

    @property
    def zone_name(self) -> str:
        """The zone as people know it: `Europe/Berlin`, `UTC+01:00`, `UTC`."""
        offset = self.zone.utcoffset(None)
        return str(self.zone) if offset is None else str(timezone(offset))


@dataclass(frozen=True, slots=True)
class Saying:
    """What the caller says beside the files, whatever device they are of; each as in Origin."""

    zone: tzinfo = UTC
    patient: str | None = None
    mapping: str | None = None
    start: datetime | None = None
    corrects_zone: bool = False
    again: bool = False

    def origin(self, device: Device, received: datetime) -> Origin:
        """The same of files of `device`."""
        return Origin(
            device,
            received,
            self.zone,
            self.patient,
            self.mapping,
            self.start,
            self.corrects_zone,
            self.again,
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """What is stored whole or not at all: a night, a recording, a reading; `where` names it for people ("row 17").

    A unit that could be told apart and not understood has `issues` and no readings: it is rejected, the others go on.
    `payload` are its own bytes, where `letter` is a form that a dead letter can be taken in from again; else the readings
    are kept in the server's own words. `size` is about how many bytes of the file it is, for those who look on.
    """

    readings: tuple[Reading, ...]
    mapper: Mapper = map_reading
    where: str = ""
    issues: tuple[Issue, ...] = ()
    letter: LetterFormat = "file"
    payload: bytes | None = field(default=None, repr=False)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """How the file itself is kept: a DocumentReference of this title and type over its bytes, and those of its parts.

    `dated` is when it was made, for one that does not say when what it tells of began.
    """

    title: str
    content_type: str
    type: Coding
    category: Coding | None = None
    start: datetime | None = None
    end: datetime | None = None
    dated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file.

    `units` is read lazily, in a thread, and may raise UnreadableFile, saying at which byte, row or record the file broke:
    the units before are stored, the broken one is not. `notes` are for the person who brought it. With `zone_assumed`
    its times are of the caller's zone: it is not to be read in another later, unless that corrects it.
    """

    units: Iterable[Unit]
    notes: tuple[str, ...] = ()
    document: Document | None = None
    zone_assumed: bool = False


class Format(Protocol):
    """A kind of file; each implementation names this class as its base and is listed in `formats.FORMATS`."""

    @property
    def name(self) -> str:
        """What summaries and metrics call it: `wfdb`."""
        ...

    @property
    def is_continued(self) -> bool:
        """Whether a device's next file says again what the one before said, and goes on: a card, an export."""
        return False

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether a file that begins with `head` (64 kB, or all there is) under this name is one."""
        ...

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """What is in the file; called in a thread, may block. Raises UnreadableFile where nothing of it can be read."""
        ...

    def parts(self, file: Incoming) -> Iterable[str]:  # noqa: ARG002 - for those who have some
        """The bare names of those files `beside` it that are parts of it (100.dat of 100.hea), and not read alone."""
        return ()
