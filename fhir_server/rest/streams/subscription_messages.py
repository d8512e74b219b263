"""What the client of a subscriptions' WebSocket says: in words, as R4 and most clients of the guide do, or as JSON.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets; https://hl7.org/fhir/R4/subscription.html#2.46.6.2
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from fhir_server.errors import InvalidRequest
from fhir_server.json import JsonObject, parse

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class BindToken:
    """Binds to the subscriptions of a token: their notifications are wanted as Bundles."""

    token: str


@dataclass(frozen=True, slots=True)
class UnbindToken:
    """Ends what the token bound to."""

    token: str


@dataclass(frozen=True, slots=True)
class BindId:
    """Binds to one Subscription as R4 has it: a ping is wanted whenever something happened."""

    id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks whether anybody is there."""


Message: TypeAlias = BindToken | UnbindToken | BindId | Ping


def message(text: str) -> Message:
    """What the client says; raises InvalidRequest for what is not understood."""
    if text.lstrip().startswith("{"):
        return _of_json(parse(text.encode()))
    match text.split():
        case ["bind-with-token", token]:
            return BindToken(token)
        case ["unbind-from-token", token]:
            return UnbindToken(token)
        case ["bind", id] if _ID.fullmatch(id):
            return BindId(id)
    raise InvalidRequest("Send `bind-with-token <token>` or `bind <id of a Subscription>`.")


def _of_json(tree: JsonObject) -> Message:
    said = tree.get("payload")
    token = said.get("token") if isinstance(said, dict) else None
    match tree.get("type"), token:
        case "bind-with-token", str(token):
            return BindToken(token)
        case "unbind-from-token", str(token):
            return UnbindToken(token)
        case "ping", _:
            return Ping()
    raise InvalidRequest('Send `{"type":"bind-with-token","payload":{"token":…}}`.', "type")
