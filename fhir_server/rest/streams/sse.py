"""Server-sent events: how they are written, and the answer that they are.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import asyncio
from typing import Final

from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.streams.connection import Producing, hanging_up, producing
from fhir_server.rest.streams.stream import Ending, Stream
from fhir_server.rest.trace import stays_open
from fhir_server.tasks import ended

MEDIA_TYPE: Final = "text/event-stream"
COMMENT: Final = b":\n\n"
RETRY_MS: Final = 1_000

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events back
    (b"vary", b"Accept"),
)


def event(text: bytes, *, name: str = "", id: str = "") -> bytes:
    """An event; `text` is one line (JSON has no others), `id` what a client that comes back sends as Last-Event-ID."""
    lines = b""
    if id:
        lines += b"id: %b\n" % id.encode()
    if name:
        lines += b"event: %b\n" % name.encode()
    return b"%bdata: %b\n\n" % (lines, text)


def position(id: str) -> bytes:
    """What no client sees as an event, and from where it goes on when it comes back: a heartbeat, too."""
    return b"id: %b\n\n" % id.encode() if id else COMMENT


def last_words(reason: Ending | None) -> bytes:
    """Why the stream ends; after a shutdown also when to come back."""
    retry = b"retry: %d\n" % RETRY_MS if reason == "shutdown" else b""
    return retry + event(b'{"reason":"%b"}' % (reason or "done").encode(), name="end")


async def send_events(
    stream: Stream, scope: Scope, receive: Receive, send: Send, produce: Producing | None = None
) -> None:
    """Nothing, after the stream has ended: what is offered to it is sent; where it has its own, `produce` offers it.

    Raises what `produce` raises, once the client was told that the stream is over.
    """
    stream.hang_up = hanging_up(scope)
    stays_open(scope)
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
    leaving = asyncio.create_task(_left(stream, receive))
    async with producing(stream, produce):
        try:
            while parts := await stream.taken():
                await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})
            await send({"type": "http.response.body", "body": last_words(stream.ending)})
        finally:
            await ended(leaving)


async def _left(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end("client")
