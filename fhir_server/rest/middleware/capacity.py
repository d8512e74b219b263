"""A bound on the requests that one worker serves at once; those beyond it are told to come back.

https://www.rfc-editor.org/rfc/rfc6585#section-4
"""

from typing import Final

from fhir_server.errors import TooCostly
from fhir_server.rest import metrics
from fhir_server.rest.asgi import App, Receive, Scope, Send
from fhir_server.rest.trace import trace

_ALWAYS: Final = frozenset({"/health", "/ready", "/metrics"})


class Capacity:
    """Lets in `most` requests at once; those that watch over the server are always let in.

    A request whose answer stays open gives its place back when that begins: streams have a bound of their own.
    """

    def __init__(self, app: App, *, most: int) -> None:
        self._app = app
        self._most = most
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; raises TooCostly when there are too many already."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._active >= self._most:
            raise TooCostly("The server is at its limit of requests at once. Try again shortly.")
        self._active += 1
        metrics.ACTIVE.inc()
        traced = trace(scope)
        traced.leave = self._leave
        try:
            await self._app(scope, receive, send)
        finally:
            if not traced.stays_open:
                self._leave()

    def _leave(self) -> None:
        self._active -= 1
        metrics.ACTIVE.dec()
