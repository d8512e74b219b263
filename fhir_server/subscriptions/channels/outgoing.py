"""What is to be told at one moment, and the request that tells it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from fhir_server.outbound import Reply
from fhir_server.subscriptions.failing import Failure
from fhir_server.subscriptions.model import Asked
from fhir_server.subscriptions.notification import About, Occurrence

Kind: TypeAlias = Literal["handshake", "heartbeat", "events"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a subscription is told: events, or what tells of none. `headers` are those that its owner gave, with their secrets."""

    kind: Kind
    asked: Asked
    about: About
    told: Sequence[Occurrence]
    headers: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A request. What is sent again has the same `id`."""

    method: str
    url: str
    id: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class PushChannel:
    """A channel: the request that tells something, None where nothing is to be sent; why an answer is none that was hoped for."""

    message: Callable[[Outgoing], Message | None]
    failure: Callable[[Reply, datetime], Failure | None]
