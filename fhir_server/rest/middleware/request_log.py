"""One log line and one count for each request, and its X-Request-Id.

https://hl7.org/fhir/R4/http.html#custom
"""

import os
import re
import time
from typing import Final

import structlog

from fhir_server.rest import metrics
from fhir_server.rest.asgi import App, Message, Receive, Scope, Send
from fhir_server.rest.trace import Trace, begin

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_STARTS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_SWITCHED: Final = 101
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """Says of a request what may be known: method, interaction, type, status, duration, request id."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and logs and counts it when it has been answered: one whose answer stays open when that begins."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        trace = begin(scope, request_id)
        status, is_told = 0, False

        def tell() -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                self._tell(scope, trace, status, time.perf_counter() - started)

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] in _STARTS:
                status = message.get("status", _SWITCHED)
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                if trace.stays_open:
                    tell()
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            tell()

    def _tell(self, scope: Scope, trace: Trace, status: int, seconds: float) -> None:
        metrics.count(trace.interaction, status, seconds)
        method = scope.get("method", "GET")  # a WebSocket's scope has none: it is always this
        self._log.info(
            "request",
            method=method if method in _METHODS else "other",
            interaction=trace.interaction,
            type=trace.type,
            status=status,
            milliseconds=round(seconds * 1000, 2),
            request_id=trace.request_id,
        )


def _request_id(scope: Scope) -> str:
    """The client's own id where it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return os.urandom(8).hex()
