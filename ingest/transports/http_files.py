"""Files over HTTP: from a device that signs, or from an administrator who names one.

docs/ingest.md, "Files"
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import orjson
from fastapi import APIRouter, Request, Response

from ingest.disk import room
from ingest.errors import IngestError, InvalidParameter, Unavailable, Unreadable, UnreadableFile
from ingest.files.archive import unpacked
from ingest.files.bringing import Bringing, told_apart
from ingest.files.format import Origin
from ingest.files.intake import Intake
from ingest.files.saying import saying
from ingest.files.summary import FileSummary
from ingest.gateway import Gateway
from ingest.issue import Issue, outcome
from ingest.ports import Answer, Device
from ingest.transports.http import path, refusal, signed
from ingest.transports.http_openapi_files import FILES_DESCRIPTION
from ingest.transports.upload import Received, received

Permit: TypeAlias = Callable[[str | None], Awaitable[None]]
"""Lets an administrator's Authorization header pass, and raises the host's own refusal of any other."""

PATH: Final = "/ingest/files"
_WAITING_PER_READER: Final = 8
_LEFT_BEHIND_SECONDS: Final = 86_400
_PREFIX: Final = "upload-"
_FHIR_JSON: Final = "application/fhir+json"
_OTHER_METHODS: Final = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT", "TRACE"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken: bytes of a request, files read at once, and the folder that requests are written to."""

    max_bytes: int
    at_once: int
    folder: Path


def router(
    gateway: Gateway, intake: Intake, permit: Permit, clock: Callable[[], datetime], limits: Limits
) -> APIRouter:
    """The address that takes files; leftovers of processes that were killed are removed."""
    routes = APIRouter(tags=["devices"])
    desk = _Desk(gateway, intake, permit, clock, limits)
    _sweep(limits.folder)

    @routes.post(PATH, **FILES_DESCRIPTION)
    async def files(request: Request) -> Response:
        return await desk.answered(request)

    routes.add_api_route(PATH, _not_allowed, methods=_OTHER_METHODS, include_in_schema=False)
    return routes


async def _not_allowed(request: Request) -> Response:
    text = f"{request.method} is not answered here. Send files with POST."
    return Response(outcome([Issue("not-supported", text)]), 405, {"Allow": "POST"}, media_type=_FHIR_JSON)


class _Desk:
    """Where files are handed in: so many are read at once, so many more may wait."""

    def __init__(
        self,
        gateway: Gateway,
        intake: Intake,
        permit: Permit,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._gateway = gateway
        self._intake = intake
        self._permit = permit
        self._clock = clock
        self._limits = limits
        self._reading = asyncio.Semaphore(limits.at_once)
        self._here = 0

    async def answered(self, request: Request) -> Response:
        """The answer, once what was brought is committed; the files are gone by then."""
        arrived = self._clock()
        by_device = "x-device-id" in request.headers or "x-api-key" in request.headers
        if not by_device:
            await self._permit(request.headers.get("authorization"))
        try:
            with self._admitted():
                answer = await self._received(request, arrived, by_device=by_device)
        except Unreadable as error:
            return Response(outcome([Issue("structure", str(error))]), 400, media_type=_FHIR_JSON)
        except IngestError as error:
            return refusal(error)
        media_type = "application/json" if answer.status in (200, 207) else _FHIR_JSON
        return Response(answer.body, answer.status, media_type=media_type)

    async def _received(self, request: Request, arrived: datetime, *, by_device: bool) -> Answer:
        with room():
            made = await asyncio.to_thread(tempfile.mkdtemp, prefix=_PREFIX, dir=self._limits.folder)
        folder = Path(made)
        try:
            with room():
                brought = await received(request, folder, self._limits.max_bytes)
            if not by_device:
                return await self._taken(brought, folder, arrived, None)
            query = request.url.query
            target = f"{path(request)}?{query}" if query else path(request)
            work: Callable[[Device], Awaitable[Answer]] = partial(self._taken, brought, folder, arrived)
            return await self._gateway.once(
                signed(request, "ingest", target, b"", brought.sha256), work, arrived
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _taken(
        self, brought: Received, folder: Path, arrived: datetime, signer: Device | None
    ) -> Answer:
        origin = await self._origin(brought.fields, arrived, signer)
        async with self._reading:
            try:
                files = await asyncio.to_thread(unpacked, brought.files, folder, self._limits.max_bytes)
            except UnreadableFile as error:
                return Answer(422, outcome([Issue("structure", str(error))]))
            bringing = await asyncio.to_thread(told_apart, files)
            if not files:
                raise Unreadable("No file was sent. Send at least one part named `file`.")
            return _answer(await self._intake.take_all(bringing, origin, vouched=signer is None), bringing)

    async def _origin(self, fields: dict[str, str], arrived: datetime, signer: Device | None) -> Origin:
        named, said = fields.get("device"), saying(fields)
        if signer is None:
            if not named:
                raise InvalidParameter("No device is named. Say which one measured.", "device")
            return await self._intake.origin(named, arrived, said)
        if named not in (None, signer.name, signer.id, f"Device/{signer.id}"):
            raise InvalidParameter(
                "Another device is named than the one that signed. Send each device's files signed by itself.",
                "device",
            )
        if said.again:
            raise InvalidParameter(
                "A device does not have its files read again. An administrator does.", "again"
            )
        return said.origin(signer, arrived)

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """Nothing; raises Unavailable when too many are here already."""
        if self._here >= self._limits.at_once * _WAITING_PER_READER:
            raise Unavailable("Too many files are being taken in. Send it again.")
        self._here += 1
        try:
            yield
        finally:
            self._here -= 1


def _answer(summaries: list[FileSummary], bringing: Bringing) -> Answer:
    """200, or 207 when something was rejected or a file of several broke; 422 or 415 when no file could be read whole."""
    if not bringing.readable:
        return Answer(415, outcome([_broken(each, "not-supported") for each in summaries]))
    read = [each for each in summaries if each.format is not None]
    if all(each.error is not None for each in read):
        issues = [issue for each in read for issue in (_broken(each, "structure"), *_before(each))]
        return Answer(422, outcome(issues))
    is_whole = all(each.is_complete for each in read)
    not_read = [each.name for each in bringing.unknown]
    body = orjson.dumps({"files": [each.tree() for each in read], "not_read": not_read})
    return Answer(200 if is_whole else 207, body)


def _broken(summary: FileSummary, code: str) -> Issue:
    return Issue(code, f"{summary.name}: {summary.error}")


def _before(summary: FileSummary) -> Iterator[Issue]:
    """What became of the units before the one that is broken."""
    if summary.counts:
        counts = ", ".join(f"{count} {status}" for status, count in summary.counts.items())
        text = f"{summary.name}: what stood before it was taken in: {counts}."
        yield Issue("informational", text, severity="information")


def _sweep(folder: Path) -> None:
    """Removes what requests left behind whose process was killed."""
    for each in folder.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # another process is done with it, or sweeps too
            if time.time() - each.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(each, ignore_errors=True)
