"""A request's files, written to disk and hashed as they come.

https://www.rfc-editor.org/rfc/rfc7578 (multipart/form-data)
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from ingest.errors import InvalidParameter, TooLarge, Unreadable, UnsupportedType
from ingest.files.format import Incoming

FIELDS: Final = ("device", "patient", "zone", "correct-zone", "again", "mapping", "start")
MAX_FILES: Final = 10_000
MAX_FIELD_BYTES: Final = 256
_BLOCK: Final = 1_000_000
_FORM: Final = b"multipart/form-data"


@dataclass(frozen=True, slots=True)
class Received:
    """What a request brought: files on disk, fields beside them, and the hash of the body as a whole."""

    files: tuple[Incoming, ...]
    fields: dict[str, str]
    sha256: bytes


async def received(request: Request, folder: Path, limit: int) -> Received:
    """The files of the request's body, in `folder` under names of our own; one file where the body is no form.

    Raises TooLarge beyond `limit` bytes, InvalidParameter for a field that is not known, Unreadable for a body that breaks
    off or is no form, UnsupportedType for a compressed one.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedType("The body is compressed. Send it as it is; a file within may be a ZIP archive.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:18]) > limit:
        raise _too_large(limit)
    body, whole = _body(request, folder), hashlib.sha256()

    def taken(block: bytes) -> None:
        whole.update(block)
        body.write(block)

    try:
        await _streamed(request, taken, limit)
        files = await asyncio.to_thread(body.end)
    except MultipartParseError as error:
        raise Unreadable(f"The body is no multipart form: {error}.") from error
    finally:
        body.close()
    return Received(tuple(files), body.fields, whole.digest())


async def _streamed(request: Request, taken: Callable[[bytes], None], limit: int) -> None:
    """Gives the body to `taken` in blocks of about a megabyte, in a thread."""
    waiting, size, total = [], 0, 0
    try:
        async for chunk in request.stream():
            waiting.append(chunk)
            size, total = size + len(chunk), total + len(chunk)
            if total > limit:
                raise _too_large(limit)
            if size >= _BLOCK:
                await asyncio.to_thread(taken, b"".join(waiting))
                waiting, size = [], 0
    except ClientDisconnect as error:
        raise Unreadable(f"The body broke off after {total} bytes. Send it again.") from error
    if waiting:
        await asyncio.to_thread(taken, b"".join(waiting))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes. Send fewer files at once, or a smaller one.")


class _Body(Protocol):
    """What takes the blocks of a body apart."""

    fields: dict[str, str]

    def write(self, block: bytes) -> None: ...

    def end(self) -> list[Incoming]: ...

    def close(self) -> None: ...


def _body(request: Request, folder: Path) -> _Body:
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    if media_type != _FORM:
        return _OneFile(folder, dict(_query(request)))
    if not options.get(b"boundary"):
        raise Unreadable("The body is a form without a boundary. Name it in Content-Type.")
    if request.query_params:
        raise InvalidParameter("The body is a form. Send as its fields what stands in the query.", "query")
    return _Form(folder, options[b"boundary"])


def _query(request: Request) -> list[tuple[str, str]]:
    sent = request.query_params.multi_items()
    for name, _ in sent:
        _check_field(name, (*FIELDS, "name"), [each for each, _ in sent].count(name))
    return sent


def _check_field(name: str, known: Sequence[str], times: int) -> None:
    if name not in known:
        raise InvalidParameter(
            f"The parameter {name[:60]!r} is not known here. It takes {', '.join(known)}.", name[:60]
        )
    if times > 1:
        raise InvalidParameter(f"The parameter {name!r} is sent more than once. Send it once.", name)


@dataclass(slots=True)
class _OnDisk:
    """A file being written."""

    name: str
    path: Path
    file: BinaryIO
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, block: bytes) -> None:
        self.file.write(block)
        self.digest.update(block)
        self.size += len(block)

    def end(self) -> Incoming:
        self.file.close()
        return Incoming(self.name, self.path, self.size, self.digest.digest())


def _on_disk(folder: Path, number: int, name: str) -> _OnDisk:
    path = folder / str(number)
    return _OnDisk(name or f"file-{number + 1}", path, path.open("wb"))


class _OneFile:
    """A body that is the file itself; its name is a field."""

    def __init__(self, folder: Path, fields: dict[str, str]) -> None:
        self.fields = fields
        self._file = _on_disk(folder, 0, _clean(fields.get("name", "")))

    def write(self, block: bytes) -> None:
        self._file.write(block)

    def end(self) -> list[Incoming]:
        return [self._file.end()]

    def close(self) -> None:
        self._file.file.close()


class _Form:
    """A form: parts named `file` are files, others fields."""

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self._folder = folder
        self._files: list[Incoming] = []
        self._open: _OnDisk | None = None
        self._field: tuple[str, bytearray] | None = None
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._part,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def write(self, block: bytes) -> None:
        self._parser.write(block)

    def end(self) -> list[Incoming]:
        self._parser.finalize()
        if not self._ended:
            raise Unreadable("The form breaks off before its last boundary. Send it again.")
        return self._files

    def close(self) -> None:
        if self._open is not None:
            self._open.file.close()

    def _begin(self) -> None:
        self._disposition = b""

    def _header_name(self, block: bytes, start: int, end: int) -> None:
        self._header[0].extend(block[start:end])

    def _header_value(self, block: bytes, start: int, end: int) -> None:
        self._header[1].extend(block[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode(errors="replace")
        if name == "file":
            if len(self._files) >= MAX_FILES:
                raise TooLarge(f"The form has more than {MAX_FILES} files. Send fewer at once.")
            said = options.get(b"filename", b"").decode(errors="replace")
            self._open = _on_disk(self._folder, len(self._files), _clean(said))
            return
        _check_field(name, (*FIELDS, "file"), 2 if name in self.fields else 1)
        self._field = (name, bytearray())

    def _part(self, block: bytes, start: int, end: int) -> None:
        if self._open is not None:
            self._open.write(block[start:end])
        elif self._field is not None:
            name, value = self._field
            value += block[start:end]
            if len(value) > MAX_FIELD_BYTES:
                raise InvalidParameter(
                    f"{name} is longer than {MAX_FIELD_BYTES} bytes. Send what it asks for.", name
                )

    def _part_end(self) -> None:
        if self._open is not None:
            self._files.append(self._open.end())
            self._open = None
        elif self._field is not None:
            name, value = self._field
            self.fields[name] = value.decode(errors="replace")
            self._field = None

    def _end(self) -> None:
        self._ended = True


def _clean(name: str) -> str:
    """The name as people see it: folders by slashes, nothing that does not print."""
    return "".join(each for each in name.replace("\\", "/") if each.isprintable())[:200].lstrip("/")
