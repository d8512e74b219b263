"""The origins of registered apps, which browsers may call from: where apps are answered is where they run.

https://www.rfc-editor.org/rfc/rfc6454#section-4
"""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from fhir_server.errors import RequestError
from fhir_server.store.smart.clients import Clients

LOOK_AGAIN_SECONDS: Final = 15.0


class Origins:
    """Known for a moment, so that a page which calls often costs nothing; those known last hold while the database is away."""

    __slots__ = ("_clients", "_known", "_seconds", "_until")

    def __init__(self, clients: Clients, seconds: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._seconds = seconds
        self._known: frozenset[str] = frozenset()
        self._until = 0.0

    async def known(self) -> frozenset[str]:
        """The origins of apps that are not disabled."""
        now = self._seconds()
        if now >= self._until:
            self._until = now + LOOK_AGAIN_SECONDS
            try:
                uris = await self._clients.redirect_uris()
            except RequestError:
                return self._known
            self._known = frozenset(found for found in map(origin, uris) if found)
        return self._known


def origin(uri: str) -> str | None:
    """The origin of a web address, as browsers write it; None for what browsers do not load pages from."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}"
