"""The way of signed readings to the gateway, before anything that only the other addresses need.

docs/adr/0008-one-asgi-endpoint.md
"""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.gateway import Gateway
from ingest.transports.http import answered, place


class Direct:
    """Answers POSTs of signed readings; all other requests go to the application, whose routes would answer these alike."""

    def __init__(self, app: ASGIApp, *, gateway: Gateway, max_body_bytes: int) -> None:
        self._app = app
        self._gateway = gateway
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or passes it on; an unforeseen failure is left to the middleware that knows how to log it."""
        if scope["type"] != "http" or scope["method"] != "POST" or place(scope["path"]) is None:
            await self._app(scope, receive, send)
            return
        response = await answered(Request(scope, receive), self._gateway, self._max_body_bytes)
        await response(scope, receive, send)
