"""Who really asked, where proxies that the operator trusts stand in between.

https://www.rfc-editor.org/rfc/rfc7239#section-8.1; docs/operations.md, "Behind a proxy"
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, TypeAlias

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from fhir_server.rest.asgi import App, Receive, Scope, Send

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

_BLANK: Final = b" \t,"


class Proxies:
    """Takes scheme and client from what trusted proxies say; what anybody else says of them is believed nowhere.

    A trusted proxy that says nothing speaks for a client whose address is not known, and not for this machine.
    """

    def __init__(self, app: App, *, trusted: Networks) -> None:
        self._trusted = tuple(trusted)
        # uvicorn types the same protocol in its own words
        self._believing = ProxyHeadersMiddleware(app, [str(network) for network in trusted])  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with the client's own address and scheme."""
        if scope["type"] != "lifespan" and self._trusts(scope.get("client")) and not _names_anybody(scope):
            scope["client"] = None
        await self._believing(scope, receive, send)  # type: ignore[arg-type]  # as above

    def _trusts(self, peer: tuple[str, int] | None) -> bool:
        try:
            address = ip_address(peer[0] if peer else "")
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _names_anybody(scope: Scope) -> bool:
    return bool(dict(scope["headers"]).get(b"x-forwarded-for", b"").strip(_BLANK))
