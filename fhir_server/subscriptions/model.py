"""What a Subscription asks for, and what happened: the types that its parts hand to each other.

https://hl7.org/fhir/R4/subscription.html
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Change: TypeAlias = Literal["create", "update", "delete", "silent"]
"""What became of a resource; a device that has fallen silent was not written at all."""

Trigger: TypeAlias = Literal["change", "admitted", "discharged", "silent"]
"""When a criterion is looked at: at certain changes, when an Encounter begins or ends, when a device is not heard of."""

Content: TypeAlias = Literal["empty", "id-only", "full-resource"]
State: TypeAlias = Literal["requested", "active", "error", "off"]
ChannelType: TypeAlias = Literal["rest-hook", "websocket", "sse"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """Resources of a `type` that meet `query`, a search without the type (empty: all of them), at one of `changes`."""

    type: str
    query: str
    changes: frozenset[Change]
    trigger: Trigger = "change"


@dataclass(frozen=True, slots=True)
class Channel:
    """How events reach who asked; `payload` is the media type, None for a request without a body (R4 alone).

    `headers` are names only: what they say is kept apart, sealed. Periods are in seconds, None where none was asked for.
    """

    type: ChannelType
    endpoint: str | None
    payload: str | None
    content: Content
    header_names: tuple[str, ...] = ()
    heartbeat: int | None = None
    timeout: int | None = None
    max_count: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A Subscription as it is served. `topic` is the canonical of a topic, None for R4's own criteria.

    An event is a change that one of the `criteria` describes. `backport` says that notifications are Bundles.
    """

    id: str
    topic: str | None
    criteria: tuple[Criterion, ...]
    channel: Channel
    ends_at: datetime | None = None

    @property
    def backport(self) -> bool:
        """Whether notifications are those of the Subscriptions R5 Backport; else R4's own."""
        return self.topic is not None

    @property
    def told_topic(self) -> str | None:
        """The topic, where notifications may name it: whoever asked for empty ones is to learn nothing from any of them."""
        return None if self.channel.content == "empty" else self.topic


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, under its number; `type`, `id` and `version` say to which version of what.

    A device that has fallen silent has no version, nor a row's number `rid`.
    """

    number: int
    at: datetime
    change: Change
    type: str
    id: str
    rid: int | None = None
    version: int | None = None
