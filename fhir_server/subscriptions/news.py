"""What those who follow subscriptions are told, and how far each of them is.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from fhir_server.store.subscriptions.following import Row, Stand
from fhir_server.subscriptions.model import Asked, Change, Event, State
from fhir_server.subscriptions.notification import About, Notification
from smart_auth.principal import Principal

MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Told:
    """A notification of events, up to and with the one of the number `last`."""

    last: int
    notification: Notification


@dataclass(frozen=True, slots=True)
class Gap:
    """Events from `first` to `last` are kept no more: nobody can be told of them."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing happened for the period that the Subscription names."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more is told: the Subscription is off or deleted, the rights have ended, or it cannot be told for a failure."""

    reason: Literal["off", "rights", "failure"]


News: TypeAlias = Told | Gap | Silence | Ended


def event(row: Row) -> Event:
    """The event that is kept in the row."""
    number, at, change, type, id, rid, version = row
    return Event(number, at, cast("Change", change), type, id, rid, version)


@dataclass(slots=True, eq=False)
class Following:
    """One who is connected, and what of one Subscription they were told: the events up to the number `after`.

    `judge` tells who they are at the moment of a send, and knows them by `whose`. `waits` and `looked` belong to Followers: whom the next news are for,
    and by which word there was nothing for them.
    """

    key: int
    asked: Asked
    judge: "Judge"
    whose: object
    base_url: str
    after: int
    stand: Stand
    waits: "asyncio.Future[News] | None" = None
    looked: int = -1

    @property
    def is_hungry(self) -> bool:
        """Whether they wait for news."""
        return self.waits is not None and not self.waits.done()

    @property
    def most(self) -> int:
        """How many events they are told of at once."""
        return min(self.asked.channel.max_count or MOST_AT_ONCE, MOST_AT_ONCE)

    def about(self, numbered: int) -> About:
        """What notifications say of the Subscription."""
        state = cast("State", self.stand.state)
        return About(self.asked.id, self.asked.told_topic, state, numbered, self.base_url, self.stand.error)

    def give(self, news: News) -> None:
        """Nothing; they are told, if they wait still."""
        if self.waits is not None and not self.waits.done():
            self.waits.set_result(news)


# who of those who follow may still be told anything, with the rights of now; few statements for many
Judge: TypeAlias = Callable[[Sequence[Following]], Awaitable[Mapping[Following, Principal]]]
