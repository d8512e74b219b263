"""Tokens with which a WebSocket is bound to subscriptions, since a browser can send no header along with it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from fhir_server.search.access import owner_key
from fhir_server.store.database import Connection
from fhir_server.store.subscriptions import bindings
from fhir_server.store.subscriptions.bindings import Binding
from smart_auth.addresses import addresses
from smart_auth.principal import Principal
from smart_auth.tokens import sha256, token

PATH: Final = "/ws/subscriptions"
LIFE_SECONDS: Final = 3_600


class Issued(NamedTuple):
    """A token, and until when it binds."""

    token: str
    expires_at: datetime


def websocket_url(fhir: str) -> str:
    """The address of the WebSockets that go with the address of `/fhir`."""
    origin = urlsplit(addresses(fhir).issuer)
    scheme = "wss" if origin.scheme == "https" else "ws"
    return f"{scheme}://{origin.netloc}{origin.path}{PATH}"


async def issue(connection: Connection, owner: Principal, subscriptions: Sequence[str]) -> Issued:
    """A token that binds to the subscriptions of these ids, which are the owner's."""
    made = token("binding")
    return Issued(
        made,
        await bindings.keep(connection, sha256(made), subscriptions, owner_key(owner), LIFE_SECONDS),
    )


async def bound(connection: Connection, text: str) -> Binding | None:
    """What the token binds to; None when it has expired or was never issued."""
    return await bindings.found(connection, sha256(text))
