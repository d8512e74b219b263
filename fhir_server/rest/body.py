"""A request's body, never held beyond its limit.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

import zlib
from typing import Final

from fhir_server.errors import InvalidRequest, TooLarge, UnsupportedMediaType
from fhir_server.rest.asgi import Receive
from fhir_server.rest.request import Request

_GZIP_WINDOW: Final = 31


class ClientGone(Exception):
    """The client hung up before its request was whole; nobody waits for an answer."""


async def body(request: Request, receive: Receive, limit: int) -> bytes:
    """The body, unpacked when it came with gzip.

    Raises TooLarge when either form is beyond `limit` bytes, UnsupportedMediaType for another content coding,
    InvalidRequest for a broken one, ClientGone when the connection ends early.
    """
    coding = request.header(b"content-encoding")
    _refuse_announced(request.headers.get(b"content-length"), limit)
    received = await _received(receive, limit)
    match (coding or "identity").strip().lower():
        case "identity":
            return received
        case "gzip" | "x-gzip":
            return _unpacked(received, limit)
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


def _unpacked(packed: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise InvalidRequest(
            "The body is not gzip though Content-Encoding says so. Correct one of them."
        ) from error
    if len(text) > limit:
        raise _too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise InvalidRequest(
            "The gzip body is cut short or has more behind its end. Send one whole gzip member."
        )
    return text


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than {limit} bytes. Send it in parts, or ask the operator to raise the limit."
    )
