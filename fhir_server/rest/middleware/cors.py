"""Which origins a browser may call from.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fhir_server.errors import Forbidden, Issue
from fhir_server.json import dumps
from fhir_server.outcomes import operation_outcome
from fhir_server.rest.negotiation import FHIR_JSON
from fhir_server.rest.refusal import refuse
from fhir_server.rest.request import PREFIX
from fhir_server.rest.smart.discovery import PUBLIC

Known: TypeAlias = Callable[[], Awaitable[frozenset[str]]]

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TAKEN: Final = (
    "Accept", "Authorization", "Content-Encoding", "Content-Type", "If-Match", "If-Modified-Since",
    "If-None-Exist", "If-None-Match", "If-Range", "Last-Event-ID", "Prefer", "Range", "X-Request-Id", "X-Security-Context",
)  # fmt: skip
_EXPOSED: Final = (
    "Accept-Patch", "Accept-Ranges", "Content-Disposition", "Content-Location", "Content-Range", "ETag",
    "Last-Modified", "Location", "Retry-After", "WWW-Authenticate", "X-Progress", "X-Request-Id", "X-Security-Context",
)  # fmt: skip


_FOR_APPS: Final = frozenset({"/oauth/token", "/oauth/revoke", "/oauth/introspect"})
_LIVE: Final = "/live/"
_ORIGIN: Final = b"origin"
_ANY: Final = (b"access-control-allow-origin", b"*")


class Cors:
    """Lets pages of any origin read what is public, those of registered apps call what is for apps, and others as configured.

    A browser opens a WebSocket from any page and leaves it to the server to look where that is of.

    `registered` are the origins of apps; `origins` may call from everywhere, to everything.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], registered: Known) -> None:
        self._app = app
        self._registered = registered
        self._public = _Cors(app, origins=("*",))
        self._for_apps = _Cors(app, origins=origins)
        self._others = _Cors(app, origins=origins) if origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; a request that no page made is left alone."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["path"] in PUBLIC:
            await self._public(scope, receive, send)
        elif not any(name == _ORIGIN for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
        elif scope["path"] in _FOR_APPS or scope["path"].startswith((PREFIX, _LIVE)):
            self._for_apps.registered = await self._registered()
            await self._for_apps(scope, receive, send)
        else:
            await self._others(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        self._for_apps.registered = await self._registered()
        if origin is None or origin == _own(scope, headers) or self._for_apps.is_allowed_origin(origin):
            await self._app(scope, receive, send)
            return
        text = f"Pages of {origin[:80]!r} may not connect here. Ask the operator to allow it."
        await refuse(Forbidden(text), scope, send)


class _Cors(CORSMiddleware):
    """Starlette's, with the headers that FHIR uses and refusals as OperationOutcomes."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app, allow_origins=origins, allow_methods=_METHODS, allow_headers=_TAKEN, expose_headers=_EXPOSED
        )
        self.registered: frozenset[str] = frozenset()

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of this origin may call."""
        return origin in self.registered or super().is_allowed_origin(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """204 when the browser may go on, 400 with the reason when not."""
        answer = super().preflight_response(request_headers)
        lines = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        if answer.status_code < 400:
            return Response(status_code=204, headers=lines)
        issue = Issue("forbidden", f"{bytes(answer.body).decode()}. Ask the operator to allow it.")
        return Response(dumps(operation_outcome((issue,))), answer.status_code, lines, FHIR_JSON)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Sends the message; to what any page may read a cache adds nothing, so it says so to every client."""
        if (
            message["type"] == "http.response.start"
            and self.allow_all_origins
            and "origin" not in request_headers
        ):
            message["headers"] = [*message.get("headers", ()), _ANY]
        await super().send(message, send, request_headers)


def _own(scope: Scope, headers: Headers) -> str:
    """The origin of the pages of this server."""
    scheme = "https" if scope["scheme"] == "wss" else "http"
    return f"{scheme}://{headers.get('host', '')}"
