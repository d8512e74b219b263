"""A load: files into the database, in batches, with what was refused kept in a file.

https://hl7.org/fhir/uv/bulkdata/STU2/
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import orjson

from fhir_server.bulk import resume
from fhir_server.bulk.bundle import with_id
from fhir_server.bulk.source import Found, resources
from fhir_server.bulk.write import prepared, write
from fhir_server.errors import OperatorError, RequestError
from fhir_server.json import JsonObject
from fhir_server.json import dumps as exact
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.subscriptions.registrar import NotRunnable, Registrar

BATCH: Final = 500
_WORTH_ANALYZING: Final = 1_000


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who follows a load: `advanced` is told of a file's bytes done, `refused` of a resource's place and fault."""

    advanced: Callable[[Path, int], None]
    refused: Callable[[str, RequestError], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a load did: `counts` of created, updated, unchanged, rejected; `resumed` were done by an earlier run."""

    counts: Counter[str] = field(default_factory=Counter)
    resumed: int = 0


async def load(
    database: Database,
    files: Sequence[Path],
    *,
    registrar: Registrar,
    state: Path,
    rejects: Path,
    watcher: Watcher,
) -> Summary:
    """What became of the resources in `files`, after all is committed; `registrar` takes on the Subscriptions among them.

    Progress is kept in `state` until the load ends, refused resources in `rejects` as NDJSON. Raises OperatorError for a
    file that cannot be read, Unavailable when the database is away; then the next call goes on.
    """
    done = resume.read(state)
    summary = Summary(resumed=sum(done.values()))
    with _opened(rejects, going_on=bool(done)) as kept:
        for file in files:
            await _Run(database, registrar, file, done, state, kept, watcher, summary).load()
    if summary.counts["created"] > _WORTH_ANALYZING:
        async with database.connection() as connection:
            await connection.execute("ANALYZE")
    resume.forget(state)
    return summary


@dataclass(slots=True)
class _Run:
    """One file on its way: what waits to be committed, and how far the file has been read."""

    database: Database
    registrar: Registrar
    file: Path
    done: dict[str, int]
    state: Path
    kept: BinaryIO
    watcher: Watcher
    summary: Summary
    batch: dict[tuple[str, str], Draft] = field(default_factory=dict)
    refusals: list[bytes] = field(default_factory=list)
    ordinal: int = 0
    consumed: int = 0

    async def load(self) -> None:
        """Returns when the whole file is committed."""
        self.ordinal = self.done.get(str(self.file), 0)
        for found in resources(self.file, after=self.ordinal):
            await self._take(found)
        await self._commit()
        self.watcher.advanced(self.file, self.file.stat().st_size)

    async def _take(self, found: Found) -> None:
        try:
            draft = prepared(with_id(_readable(found)))
        except RequestError as error:
            self._refuse(found, error)
        else:
            await self._add(found, draft)
        self.ordinal, self.consumed = found.ordinal, found.consumed

    async def _add(self, found: Found, draft: Draft) -> None:
        if draft.apart is not None:
            await self._commit()
            await self._take_on(found, draft)
            return
        # A second version of the same resource needs the first to be there.
        if (draft.type, draft.id) in self.batch or len(self.batch) == BATCH:
            await self._commit()
        self.batch[draft.type, draft.id] = draft

    async def _take_on(self, found: Found, draft: Draft) -> None:
        """A Subscription is committed by itself: where it cannot be run, that is its own failure."""
        try:
            self.summary.counts.update(await write(self.database, [draft], self.registrar))
        except NotRunnable as error:
            self._refuse(found, error)

    def _refuse(self, found: Found, error: RequestError) -> None:
        self.summary.counts["rejected"] += 1
        self.refusals.append(_refusal(found, error))
        self.watcher.refused(found.place, error)

    async def _commit(self) -> None:
        if self.batch:
            self.summary.counts.update(await write(self.database, list(self.batch.values()), self.registrar))
        self.kept.writelines(self.refusals)
        self.kept.flush()
        self.batch.clear()
        self.refusals.clear()
        self.done[str(self.file)] = self.ordinal
        resume.write(self.state, self.done)
        self.watcher.advanced(self.file, self.consumed)


def _readable(found: Found) -> JsonObject:
    if isinstance(found.content, RequestError):
        raise found.content
    return found.content


def _refusal(found: Found, error: RequestError) -> bytes:
    issues = [
        {"code": issue.code, "element": issue.expression, "text": issue.diagnostics} for issue in error.issues
    ]
    text = b"null" if isinstance(found.content, RequestError) else exact(found.content)
    record = {"place": found.place, "issues": issues, "resource": orjson.Fragment(text)}
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


@contextmanager
def _opened(path: Path, *, going_on: bool) -> Iterator[BinaryIO]:
    """The file of refused resources, for its owner's eyes; a new load begins it anew, an empty one does not stay."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if going_on else os.O_TRUNC)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be written: {error.strerror}. Give another with --rejects."
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    finally:
        if path.exists() and path.stat().st_size == 0:
            path.unlink()
