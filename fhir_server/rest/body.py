"""A request's body, never held beyond its limit.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from fhir_server.errors import InvalidRequest, TooLarge, UnsupportedMediaType
from fhir_server.rest.asgi import Receive
from fhir_server.rest.request import Request

_GZIP_WINDOW: Final = 31
_UNPACKED_AT_ONCE: Final = 262_144


class ClientGone(Exception):
    """The client hung up before its request was whole; nobody waits for an answer."""


async def body(request: Request, receive: Receive, limit: int) -> bytes:
    """The body, unpacked when it came with gzip.

    Raises TooLarge when either form is beyond `limit` bytes, UnsupportedMediaType for another content coding,
    InvalidRequest for a broken one, ClientGone when the connection ends early.
    """
    packed = _is_packed(request)
    _refuse_announced(request.headers.get(b"content-length"), limit)
    received = await _received(receive, limit)
    return _unpacked(received, limit) if packed else received


async def parts(request: Request, receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The same a part at a time, for one that is not to be held; raises as `body` does, on the way."""
    packed = _is_packed(request)
    _refuse_announced(request.headers.get(b"content-length"), limit)
    received = _messages(receive)
    size = 0
    async for part in _unpacked_parts(received) if packed else received:
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        yield part


def _is_packed(request: Request) -> bool:
    match (request.header(b"content-encoding") or "identity").strip().lower():
        case "identity":
            return False
        case "gzip" | "x-gzip":
            return True
        case other:
            raise UnsupportedMediaType(f"Content-Encoding {other[:40]!r} is not taken. Send gzip or none.")


def _refuse_announced(length: bytes | None, limit: int) -> None:
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(limit)


async def _received(receive: Receive, limit: int) -> bytes:
    message = await receive()
    first: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(first) <= limit:
        return first
    parts = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()


async def _messages(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _unpacked_parts(packed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    async for part in packed:
        left, full = part, False
        while left or full:
            if inflater.eof:
                raise _broken()
            try:
                text = inflater.decompress(left, _UNPACKED_AT_ONCE)
            except zlib.error as error:
                raise _not_gzip() from error
            left = inflater.unconsumed_tail or inflater.unused_data
            full = len(text) == _UNPACKED_AT_ONCE and not inflater.eof
            yield text
    if not inflater.eof:
        raise _broken()


def _unpacked(packed: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise _not_gzip() from error
    if len(text) > limit:
        raise _too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise _broken()
    return text


def _not_gzip() -> InvalidRequest:
    return InvalidRequest("The body is not gzip though Content-Encoding says so. Correct one of them.")


def _broken() -> InvalidRequest:
    return InvalidRequest(
        "The gzip body is cut short or has more behind its end. Send one whole gzip member."
    )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than {limit} bytes. Send it in parts, or ask the operator to raise the limit."
    )
