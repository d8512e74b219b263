"""HTTP/1.1 as uvicorn speaks it, for those who would rather speak another protocol, or do not speak HTTP.

https://www.rfc-editor.org/rfc/rfc9110#section-7.8: a server may ignore Upgrade; Java's client asks for h2c on its first
request, body and all. The parser stops where such a request's body begins, and uvicorn would serve it without.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any, Final, cast

import httptools
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from fhir_server.errors import Issue
from fhir_server.json import dumps
from fhir_server.outcomes import operation_outcome

SOCKETS: Final = b"/ws/"
HANG_UP: Final = "fhir_server.hang_up"
"""An extension of ASGI: what drops the connection at once, with all that the client has not read."""

_NO_TEXT: Final = 1007
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_UNREADABLE: Final = dumps(
    operation_outcome(
        (
            Issue(
                "structure",
                "The request is not HTTP/1.1. Encode the characters of the address beyond ASCII, and keep it below 16 kB.",
            ),
        )
    )
)


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    _resuming = False

    def data_received(self, data: bytes) -> None:
        """Reads on; a request that asks for an upgrade is read to its end."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return
            self._resume()
            self.data_received(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.logger.warning("A client sent what is no HTTP/1.1.")
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._resuming:
            super().on_message_begin()
            # Any: ASGI's scope is an open dictionary
            scope = cast("MutableMapping[str, Any]", self.scope)
            scope["extensions"] = {HANG_UP: self.transport.abort}

    def on_url(self, url: bytes) -> None:
        """A part of its address."""
        if not self._resuming:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of its head."""
        if not self._resuming:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is whole: the application is called."""
        if not self._resuming:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It has ended, unless the parser only stopped before its body."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Whether it becomes a WebSocket: elsewhere who asks for that is answered over HTTP."""
        return self.url.startswith(SOCKETS) and super()._should_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text is no OperationOutcome
        """Answers what is no HTTP and hangs up."""
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/fhir+json; charset=utf-8\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_UNREADABLE), _UNREADABLE)
        )
        self.transport.close()

    def _resume(self) -> None:
        """A new parser goes on where the old one stopped: behind the head, which tells how the body is framed."""
        framing = [b"%b: %b\r\n" % line for line in self.headers if line[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self._resuming = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing or [b"content-length: 0\r\n"]))
        self._resuming = False


class SocketProtocol(WebSocketsSansIOProtocol):
    """The connection of a client that asked for a WebSocket."""

    def handle_connect(self, event: Request) -> None:
        """The application is called, unless the request is for no WebSocket of this kind."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            # Any: ASGI's scope is an open dictionary
            extensions = cast("MutableMapping[str, Any]", self.scope["extensions"])
            extensions[HANG_UP] = self.transport.abort

    def handle_ping(self) -> None:
        """Answers a ping; not one of a client that does not read, for which the answers would fill the memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def send_receive_event_to_app(self) -> None:
        """The application hears the message; a text that is no UTF-8 closes with 1007, of which uvicorn would log a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames):
            self.frames = []
            self.conn.send_close(_NO_TEXT)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Sends it; a handshake that the application refused is complete, too: uvicorn logs an error for others."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


def _is_text(frames: Sequence[bytes]) -> bool:
    try:
        b"".join(frames).decode()
    except UnicodeDecodeError:
        return False
    return True
