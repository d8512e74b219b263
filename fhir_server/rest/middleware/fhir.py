"""The way to `/fhir`, before anything that only the other addresses need.

docs/adr/0008-one-asgi-endpoint.md
"""

from fhir_server.rest.asgi import App, Receive, Scope, Send
from fhir_server.rest.request import PREFIX
from fhir_server.rest.smart.discovery import SMART_CONFIGURATION


class Fhir:
    """Gives requests to `/fhir` and below to `endpoint`, all others to the application: what SMART puts there is no FHIR."""

    def __init__(self, app: App, *, endpoint: App) -> None:
        self._app = app
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request to the one or the other."""
        if scope["type"] == "http" and _below_prefix(scope["path"]):
            await self._endpoint(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _below_prefix(path: str) -> bool:
    return path.startswith(PREFIX) and path[len(PREFIX) :][:1] in ("", "/") and path != SMART_CONFIGURATION
