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
from fhir_server.rest.trace import begin

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """Says of a request what may be known: method, interaction, type, status, duration, request id."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and logs and counts it when it has been answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        trace = begin(scope, request_id)
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - started
            metrics.count(trace.interaction, status, seconds)
            self._log.info(
                "request",
                method=scope["method"] if scope["method"] in _METHODS else "other",
                interaction=trace.interaction,
                type=trace.type,
                status=status,
                milliseconds=round(seconds * 1000, 2),
                request_id=request_id,
            )


def _request_id(scope: Scope) -> str:
    """The client's own id where it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return os.urandom(8).hex()
