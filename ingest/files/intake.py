"""A file from its bytes to its summary: claimed, read in a thread, stored unit by unit, remembered.

docs/ingest.md, "Files"
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence, Sized
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import orjson
import structlog

from ingest import metrics
from ingest.answer import Result
from ingest.decoders import kept
from ingest.decoders.reading import Series
from ingest.errors import Unavailable, UnknownDevice, UnreadableFile
from ingest.files.bringing import Bringing
from ingest.files.format import Contents, Document, Format, Incoming, Origin, Saying, Unit
from ingest.files.formats import FORMATS
from ingest.files.keeping import ITSELF, Kept, derived
from ingest.files.keeping import kept as kept_document
from ingest.files.summary import FileSummary, Tally, remembered, unread
from ingest.issue import Issue
from ingest.pipeline import Pipeline, Planned, Sent, sent_by
from ingest.ports import Assignment, Device, FileKey, IngestedFiles, KeptFiles, Letter
from ingest.sink import Group
from mappers.observation import map_reading

TRANSPORT: Final = "ingest/files"
RENEW_SECONDS: Final = 2.0
_TOGETHER: Final = 200
_RESOURCES_TOGETHER: Final = 1_000
_START: Final = datetime.min.replace(tzinfo=UTC)
_ALWAYS: Final = (_START, datetime.max.replace(tzinfo=UTC))

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Units that are committed together; `error` says where the file broke after them, `ended` that none follow."""

    units: tuple[tuple[Unit, Planned], ...]
    ended: bool
    error: str | None = None

    def of(self, document: Kept) -> "_Chunk":
        """The same, its Observations derived from the document."""
        return replace(self, units=tuple((unit, derived(plan, document)) for unit, plan in self.units))

    def beside(self, document: Kept) -> "_Chunk":
        """The same, after the document itself."""
        units = self.of(document).units
        return replace(self, units=((ITSELF, document.planned), *units))


@dataclass(frozen=True, slots=True)
class _Reader:
    """One file being read, with what the mapping of its units needs."""

    pipeline: Pipeline
    file: Incoming
    origin: Origin
    device: Device
    sent: Sent

    def chunk(self, units: Iterator[Unit]) -> _Chunk:
        """The next units, planned; blocks, so it is called in a thread."""
        planned: list[tuple[Unit, Planned]] = []
        resources = 0
        try:
            for unit in units:
                plan = self._planned(unit)
                planned.append((unit, plan))
                resources += len(plan[0].drafts) if isinstance(plan[0], Group) else 0
                if len(planned) >= _TOGETHER or resources >= _RESOURCES_TOGETHER:
                    return _Chunk(tuple(planned), ended=False)
        except UnreadableFile as error:
            return _Chunk(tuple(planned), ended=True, error=str(error))
        return _Chunk(tuple(planned), ended=True)

    def letter(self, unit: Unit, result: Result) -> Letter:
        """The rejected unit as it is kept: its own bytes, or its readings in the server's words."""
        payload = unit.payload
        if payload is None:
            alone = unit.mapper is map_reading
            payload = kept.letter(unit.readings, self.file.name, unit.where, alone=alone)
        return Letter(self.device.name, unit.letter, payload, self.origin.received, result.issues)

    def _planned(self, unit: Unit) -> Planned:
        if unit.issues:
            return unit.issues, ()
        patient = self.origin.patient
        readings = tuple(
            replace(each, patient=patient) if patient is not None and each.patient is None else each
            for each in unit.readings
        )
        decoded = readings[0] if len(readings) == 1 else Series(readings)
        planned = self.pipeline.planned(decoded, self.device, self.sent, unit.letter, unit.mapper)
        return _anew(planned) if self.origin.again else planned


def _anew(planned: Planned) -> Planned:
    """The same, taking the place of what came of the same file before."""
    work, said = planned
    return (replace(work, amends=True, revised=None, anew=True), said) if isinstance(work, Group) else planned


UNKNOWN: Final = (
    f"The file is of no format that is taken. These are: {', '.join(each.name for each in FORMATS)}."
)

Watcher = Callable[[str, int, int], None]
"""Told the name of the file, how many of its units are done, and about how many of its bytes."""


def _unwatched(name: str, units: int, done: int) -> None:
    """For those who do not look on."""


def _share(contents: Contents, file: Incoming) -> int:
    """The bytes of one unit where all are known at once."""
    return file.size // max(1, len(contents.units)) if isinstance(contents.units, Sized) else 0


class Intake:
    """Takes files in; each worker has one, and all share what the ports keep."""

    def __init__(self, pipeline: Pipeline, files: IngestedFiles, contents: KeptFiles) -> None:
        self._pipeline = pipeline
        self._files = files
        self._contents = contents

    async def origin(self, device: str, received: datetime, said: Saying) -> Origin:
        """What is said of files of the device registered under this name; raises UnknownDevice when there is none."""
        registered = await self._pipeline.devices.find(device, received)
        if registered is None:
            raise UnknownDevice(f"No device named {device[:80]!r} is registered. Register it first.")
        return said.origin(registered, received)

    async def take(
        self,
        file: Incoming,
        format: Format,
        origin: Origin,
        *,
        vouched: bool,
        watcher: Watcher = _unwatched,
    ) -> FileSummary:
        """What became of the file, after all that is stored of it, and every dead letter, is committed.

        `vouched` says that the caller may say whose readings they are where the device was assigned to nobody. Raises
        FileBusy while another reads the file, Unavailable when nothing can be promised: it may be brought again.
        """
        key = await asyncio.to_thread(key_of, file, format, origin)
        if not origin.corrects_zone:
            before = await self._files.zone(key, format.name if format.is_continued else None)
            if before not in (None, origin.zone_name):
                return unread(file.name, file.sha256, _of_other_zone(before, origin), format.name)
        again = origin.corrects_zone or origin.again
        earlier = await self._files.claim(key, file.name, format.name, again=again)
        if earlier is not None:
            metrics.FILES.labels(format.name, "seen").inc()
            return remembered(orjson.loads(earlier), file.name)
        try:
            async with self._held(key):
                summary = await self._taken(file, format, origin, vouched, watcher)
            if summary.is_complete:
                await self._files.finish(key, orjson.dumps(summary.tree()))
                return summary
        except BaseException:
            await self._released(key)
            raise
        await self._released(key, summary if any(summary.counts.values()) else None)
        return summary

    async def take_all(
        self, brought: Bringing, origin: Origin, *, vouched: bool, watcher: Watcher = _unwatched
    ) -> list[FileSummary]:
        """What became of each of the files, one after the other; those of no known format say so. Raises as `take` does."""
        taken = [
            await self.take(file, format, origin, vouched=vouched, watcher=watcher)
            for file, format in brought.readable
        ]
        return [*taken, *(unread(each.name, each.sha256, UNKNOWN) for each in brought.unknown)]

    async def _taken(
        self, file: Incoming, format: Format, origin: Origin, vouched: bool, watcher: Watcher
    ) -> FileSummary:
        device = await self._assigned(origin, vouched)
        reader = _Reader(self._pipeline, file, origin, device, sent_by(device, file.sha256, origin.received))
        try:
            contents = await asyncio.to_thread(format.read, file, origin)
        except UnreadableFile as error:
            summary = unread(file.name, file.sha256, str(error), format.name)
        else:
            summary = await self._stored(reader, contents, format, watcher)
        outcome = "unreadable" if summary.error else "rejected" if not summary.is_complete else "stored"
        metrics.FILES.labels(format.name, outcome).inc()
        _log.info("file taken in", device=device.id, format=format.name, **_counts(summary))
        return summary

    async def _stored(
        self, reader: _Reader, contents: Contents, format: Format, watcher: Watcher
    ) -> FileSummary:
        tally, units = Tally(), iter(contents.units)
        done, share, size = 0, _share(contents, reader.file), reader.file.size
        document: Kept | None = None
        while True:
            chunk = await asyncio.to_thread(reader.chunk, units)
            if document is None and contents.document is not None and chunk.error is None:
                document = await self._document(reader, contents.document, format)
                if reader.origin.again:
                    document = document._replace(planned=_anew(document.planned))
                chunk = chunk.beside(document)
            elif document is not None:
                chunk = chunk.of(document)
            results = await self._pipeline.committed([plan for _, plan in chunk.units])
            await self._kept(reader, chunk.units, results)
            for (unit, (work, _)), result in zip(chunk.units, results, strict=True):
                tally.add(unit.where, work, result)
            _count(results, reader.device)
            done = min(size, done + sum(unit.size or share for unit, _ in chunk.units))
            watcher(reader.file.name, tally.counts.total(), size if chunk.ended else done)
            if chunk.ended:
                file = reader.file
                zone = reader.origin.zone_name if contents.zone_assumed else None
                return tally.summary(file.name, format.name, file.sha256, contents.notes, chunk.error, zone)

    async def _document(self, reader: _Reader, document: Document, format: Format) -> Kept:
        """The file itself, which is stored with the first of its units, and not at all where those cannot be read."""
        return await kept_document(
            self._contents,
            document,
            reader.file,
            tuple(format.parts(reader.file)),
            reader.origin,
            reader.device,
            reader.sent,
            self._pipeline.identity_key,
        )

    async def _kept(
        self, reader: _Reader, units: Sequence[tuple[Unit, Planned]], results: Sequence[Result]
    ) -> None:
        letters = [
            reader.letter(unit, result)
            for (unit, _), result in zip(units, results, strict=True)
            if result.status == "rejected" and unit is not ITSELF
        ]
        if letters:
            await self._pipeline.dead_letters.keep(letters)

    async def _assigned(self, origin: Origin, vouched: bool) -> Device:
        """The device with all its assignments and, where there is none, the patient that a trusted caller names."""
        device = origin.device
        assignments = await self._pipeline.devices.assignments(device.key, _START)
        if vouched and origin.patient is not None:
            stated = Assignment(origin.patient.removeprefix("Patient/"), *_ALWAYS)
            assignments = (*assignments, stated)
        return replace(device, assignments=assignments, assignments_since=_START)

    @asynccontextmanager
    async def _held(self, key: FileKey) -> AsyncIterator[None]:
        """The claim, renewed until the end."""
        renewing = asyncio.create_task(self._renewed(key))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _renewed(self, key: FileKey) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._files.renew(key)
            except Unavailable:
                _log.warning("claim left to its lease")

    async def _released(self, key: FileKey, summary: FileSummary | None = None) -> None:
        try:
            await self._files.release(key, None if summary is None else orjson.dumps(summary.tree()))
        except Unavailable:
            _log.warning("claim left to its lease")


def key_of(file: Incoming, format: Format, origin: Origin) -> FileKey:
    """What the file is told from others by: whatever is read of it, and what was said that makes something else of it."""
    digest = hashlib.sha256(file.sha256)
    for name in sorted(format.parts(file)):
        digest.update(name.encode() + b"\0")
        with file.beside[name].open("rb") as part:
            digest.update(hashlib.file_digest(part, "sha256").digest())
    began = "" if origin.start is None else origin.start.isoformat()
    said = [format.name, origin.patient or "", origin.mapping or "", began]
    digest.update("\0".join(said).encode())
    return FileKey(origin.device.key, digest.digest())


def _of_other_zone(before: str | None, origin: Origin) -> str:
    return (
        f"It was read before with zone {before}, and with {origin.zone_name} the same would be stored twice. "
        f"Bring it with zone {before}; if that was wrong, say correct-zone as well."
    )


def _counts(summary: FileSummary) -> dict[str, int]:
    return {status: count for status, count in summary.counts.items() if count}


def _count(results: Sequence[Result], device: Device) -> None:
    for status, count in Counter(result.status for result in results).items():
        metrics.READINGS.labels(TRANSPORT, device.profile, status).inc(count)
    rejected = (issue for result in results if result.status == "rejected" for issue in result.issues)
    for code, count in Counter(issue.code for issue in rejected if _is_error(issue)).items():
        metrics.REJECTIONS.labels(device.profile, code).inc(count)


def _is_error(issue: Issue) -> bool:
    return issue.severity == "error"
