"""What the CapabilityStatement says of subscriptions: the topics, the profile, and where WebSockets connect.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/CapabilityStatement-backport-subscription-server-r4.html
"""

from typing import Final

from fhir_server.json import JsonObject, JsonValue
from fhir_server.subscriptions.bindings import websocket_url
from fhir_server.subscriptions.extensions import PROFILE
from fhir_server.subscriptions.topics import TOPICS

SUBSCRIPTION: Final = "Subscription"
INSTANTIATES: Final = (
    "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4"
)

_TOPIC: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
_WEBSOCKET: Final = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
_DOCUMENTATION: Final = (
    "Channels: `rest-hook`, `websocket`, and `sse` by the extension backport-channel-type. The events of each come as "
    "Server-Sent Events, too, at `GET [base]/Subscription/[id]/$events-stream`. What cannot be served is refused."
)


def served(base: str) -> JsonObject:
    """What is said of the type Subscription beside what is said of every type, where `/fhir` goes by `base`."""
    canonicals = [*TOPICS, *(topic.address(base) for topic in TOPICS.values())]
    topics: list[JsonValue] = [{"url": _TOPIC, "valueCanonical": canonical} for canonical in canonicals]
    return {"extension": topics, "supportedProfile": [PROFILE], "documentation": _DOCUMENTATION}


def websockets(base: str) -> JsonValue:
    """The extension of `rest` with the address at which WebSockets of subscriptions connect."""
    return {"url": _WEBSOCKET, "valueUri": websocket_url(base)}
