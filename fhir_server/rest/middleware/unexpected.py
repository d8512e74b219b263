"""The last resort: a failure nobody foresaw is logged once and answered with a 500 that tells nothing.

https://hl7.org/fhir/R4/http.html#Status-Codes
"""

import structlog

from fhir_server.errors import RequestError
from fhir_server.rest.asgi import App, Message, Receive, Scope, Send
from fhir_server.rest.refusal import refuse
from fhir_server.rest.trace import trace


class Unexpected:
    """Answers what the applications below raise."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; an exception becomes an OperationOutcome unless an answer has begun."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:  # noqa: BLE001 - this is where the last of them end
            if not isinstance(error, RequestError):
                self._log.error("unexpected", exc_info=error, request_id=trace(scope).request_id)
            if not begun:
                await refuse(error, scope, send)
