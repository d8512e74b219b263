"""A WebSocket: messages in, and a stream of messages out.

https://www.rfc-editor.org/rfc/rfc6455; https://asgi.readthedocs.io/en/latest/specs/www.html#websocket
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.streams.connection import hanging_up
from fhir_server.rest.streams.stream import Ending, Stream
from fhir_server.rest.trace import stays_open
from fhir_server.tasks import ended

CODES: Final[Mapping[Ending, int]] = MappingProxyType(
    {
        "client": 1000,
        "done": 1000,
        "error": 1011,
        "patient": 1008,
        "refused": 1008,
        "shutdown": 1012,
        "slow": 1013,
        "token": 1008,
    }
)
"""https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number"""


class Hearing:
    """What the client of a WebSocket says."""

    __slots__ = ("_receive", "_stream")

    def __init__(self, stream: Stream, receive: Receive) -> None:
        self._stream = stream
        self._receive = receive

    async def next(self, within: float | None = None) -> str | None:
        """The next message; None when there will be none: the connection is closed, or the stream over.

        A message that is no text, and none `within` so many seconds, end the stream.
        """
        try:
            async with asyncio.timeout(within):
                await asyncio.sleep(0)  # whoever says much at once holds up nobody else
                message = await self._receive()
        except TimeoutError:
            self._stream.end("refused")
            return None
        if message["type"] != "websocket.receive":
            self._stream.end("client")
            return None
        text: str | None = message.get("text")
        if text is None:
            self._stream.end("refused")
        return text


def as_request(scope: Scope) -> Scope:
    """The request that a WebSocket began as, for those who read requests."""
    scheme = "https" if scope["scheme"] == "wss" else "http"
    return {**scope, "type": "http", "method": "GET", "scheme": scheme}


Conversation: TypeAlias = Callable[[Stream, Hearing], Awaitable[None]]


async def converse(
    stream: Stream, scope: Scope, receive: Receive, send: Send, conversation: Conversation
) -> None:
    """Nothing, after the stream has ended: the WebSocket is accepted, and what is offered to the stream is sent.

    `conversation` hears what the client says; when it returns the stream is over. Raises what it raises, once the
    client was told.
    """
    await receive()  # that the client connects
    stream.hang_up = hanging_up(scope)
    stays_open(scope)
    await send({"type": "websocket.accept"})
    writing = asyncio.create_task(_written(stream, send))
    try:
        await conversation(stream, Hearing(stream, receive))
        stream.end("done")
    except Exception:
        stream.end("error")
        raise
    finally:
        if stream.ending is not None:
            await asyncio.wait((writing,))
        await ended(writing)


async def _written(stream: Stream, send: Send) -> None:
    try:
        while parts := await stream.taken():
            for part in parts:
                await send({"type": "websocket.send", "text": part.decode()})
        await send(
            {"type": "websocket.close", "code": CODES[stream.ending or "done"], "reason": stream.ending or ""}
        )
    except (OSError, RuntimeError):  # how a server says that the client has left, or that it closed itself
        stream.end("client")
