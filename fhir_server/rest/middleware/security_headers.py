"""What every answer tells a browser, so that data is not run, framed or passed on.

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from typing import Final

from fhir_server.rest.asgi import App, Message, Receive, Scope, Send

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_OVER_TLS: Final = (*_ALWAYS, (b"strict-transport-security", b"max-age=31536000"))
_NAMES: Final = frozenset(name for name, _ in _ALWAYS)


class SecurityHeaders:
    """Adds them where an answer does not say otherwise itself, as pages for people do."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = _OVER_TLS if scope["scheme"] == "https" else _ALWAYS

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                lines = message.get("headers", ())
                own = [name for name, _ in lines if name in _NAMES]
                missing = [line for line in added if line[0] not in own] if own else added
                message["headers"] = [*lines, *missing]
            await send(message)

        await self._app(scope, receive, send_guarded)
