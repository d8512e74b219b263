"""HEAD wherever GET is served: the same head, and no content.

https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2

To whoever serves it, and to the audit, it is a GET. `/fhir` has its own way, which reads no content that nobody is sent.
"""

from fhir_server.rest.asgi import App, Message, Receive, Scope, Send


class Head:
    """Has what serves GET answer HEAD; what would be a stream ends with its head."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b""})

        async def gone() -> Message:
            return {"type": "http.disconnect"} if ended else await receive()

        await self._app({**scope, "method": "GET"}, gone, send_head)
