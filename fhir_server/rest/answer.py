"""What is sent back.

https://hl7.org/fhir/R4/http.html#general
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from fhir_server.json import dumps, pretty, stored
from fhir_server.rest.asgi import App, HeaderLines, Send

COMPRESS_FROM: Final = 1_024
_OFF_THE_LOOP_FROM: Final = 65_536
_LEVEL: Final = 5
_GZIP_WINDOW: Final = 31
# Last-Modified alone lets a browser show what it once read without asking: RFC 9111, section 4.2.2
_ASK_FIRST: Final = (b"cache-control", b"private, no-cache")


class About(NamedTuple):
    """The version that an answer is about, as the audit records it; `patient` is the id of the one it is about."""

    type: str
    id: str
    version: int | None = None
    patient: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON text, empty for none; `headers` are those beyond Content-Type and Content-Length.

    `stream` is the text in parts, where it is too large to be held; `length` is that of the content in it, if it has one.
    With a `media_type` it is no JSON but a content of `length` bytes that is sent as it is. `about` is for the audit.
    `app` gives the answer itself, one that stays open: rest/streams.
    """

    status: int
    body: bytes = b""
    headers: HeaderLines = ()
    stream: AsyncIterator[bytes] | None = None
    media_type: str | None = None
    length: int = 0
    about: About | None = None
    app: App | None = None


class Manner(NamedTuple):
    """How this client wants answers: media type, indentation, compression, and whether without the body (HEAD)."""

    media_type: str
    pretty: bool = False
    gzip: bool = False
    head: bool = False


async def send_answer(answer: Answer, manner: Manner, send: Send) -> None:
    """Sends `answer` in `manner`; a 204 or 304 never has a body."""
    if answer.media_type is not None:
        await _send_content(answer, answer.media_type, send)
        return
    if answer.stream is not None:
        await _send_stream(answer, answer.stream, manner, send)
        return
    body = answer.body
    if body and manner.pretty:
        body = pretty(stored(body))
    lines = [*answer.headers, _ASK_FIRST]
    if body:
        lines.append((b"content-type", manner.media_type.encode() + b"; charset=utf-8"))
        if len(body) >= COMPRESS_FROM:
            lines.append((b"vary", b"Accept, Accept-Encoding"))
            if manner.gzip:
                lines.append((b"content-encoding", b"gzip"))
                body = await _compressed(body)
    if answer.status not in (204, 304):
        lines.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if manner.head else body})


async def _send_stream(answer: Answer, stream: AsyncIterator[bytes], manner: Manner, send: Send) -> None:
    """Sends the parts as they come, compressed where the client takes that; a failure on the way cuts the answer off."""
    lines = [*answer.headers, _ASK_FIRST, (b"vary", b"Accept, Accept-Encoding")]
    lines.append((b"content-type", manner.media_type.encode() + b"; charset=utf-8"))
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW) if manner.gzip else None
    if packer:
        lines.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": answer.status, "headers": lines})
    if not manner.head:
        async for part in stream:
            sent = await asyncio.to_thread(packer.compress, part) if packer else part
            await send({"type": "http.response.body", "body": sent, "more_body": True})
    await send({"type": "http.response.body", "body": packer.flush() if packer and not manner.head else b""})


async def _send_content(answer: Answer, media_type: str, send: Send) -> None:
    """Sends the bytes that are asked for, never compressed: a range is counted in those of the content itself."""
    lines = [*answer.headers, _ASK_FIRST, (b"vary", b"Accept"), (b"content-type", media_type.encode())]
    lines.append((b"content-length", b"%d" % answer.length))
    await send({"type": "http.response.start", "status": answer.status, "headers": lines})
    if answer.stream is not None:
        async for part in answer.stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _compressed(body: bytes) -> bytes:
    if len(body) < _OFF_THE_LOOP_FROM:
        return _gzip(body)
    return await asyncio.to_thread(_gzip, body)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def text(tree: object) -> bytes:
    """`tree` as the JSON text of an answer."""
    return dumps(tree)
