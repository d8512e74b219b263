"""A request's body is waited for so long, and longer only while it comes: who sends a byte a minute holds nothing for hours.

https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
"""

import asyncio
from typing import Final

from fhir_server.errors import BodyTimeout
from fhir_server.rest.asgi import App, Message, Receive, Scope, Send

SLOWEST: Final = 10_000
"""Bytes that buy a body another second: less than the slowest modem line that still carries a reading."""


class Patience:
    """Gives up on bodies that do not come."""

    def __init__(self, app: App, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; whoever waits for its body is told by a BodyTimeout that it is not to be had."""
        if scope["type"] == "http":
            receive = _Limited(receive, self._seconds)
        await self._app(scope, receive, send)


class _Limited:
    """`receive`, which raises BodyTimeout once the body halts, or has taken longer than its bytes allow."""

    __slots__ = ("_began", "_came", "_is_whole", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._began: float | None = None
        self._came = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:  # what comes now is that the client hung up, which may take as long as it will
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        limit = asyncio.timeout_at(min(self._began + self._came / SLOWEST, now) + self._seconds)
        try:
            async with limit:
                message = await self._receive()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise BodyTimeout(
                f"Of the body {self._came} bytes came in time. Send it faster, or in parts."
            ) from error
        self._came += len(message.get("body", b""))
        self._is_whole = not message.get("more_body")
        return message
