"""Without authentication only this machine is served, and no page of elsewhere that calls itself this machine.

https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20

A page can have its own name resolved to 127.0.0.1 and would then be read by the browser as of one origin with the server.
Its requests still carry that name.
"""

import re
from typing import Final

from fhir_server.errors import Issue
from fhir_server.json import dumps
from fhir_server.outcomes import operation_outcome
from fhir_server.rest.asgi import App, Receive, Scope, Send
from fhir_server.rest.negotiation import FHIR_JSON

_THIS_MACHINE: Final = re.compile(
    rb"(?:localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|\[::1\])(?::[0-9]+)?", re.IGNORECASE
)
_REFUSED: Final = dumps(
    operation_outcome(
        (Issue("security", "Authentication is off, so that only `localhost` is served. Send it as Host."),)
    )
)


class LocalHost:
    """Refuses requests whose Host is not this machine."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 421."""
        if scope["type"] == "lifespan" or all(
            _THIS_MACHINE.fullmatch(value) for name, value in scope["headers"] if name == b"host"
        ):
            await self._app(scope, receive, send)
            return
        lines = [(b"content-type", FHIR_JSON.encode()), (b"content-length", b"%d" % len(_REFUSED))]
        prefix = "websocket." if scope["type"] == "websocket" else ""
        await send({"type": f"{prefix}http.response.start", "status": 421, "headers": lines})
        await send({"type": f"{prefix}http.response.body", "body": _REFUSED})
