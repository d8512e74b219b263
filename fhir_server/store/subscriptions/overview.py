"""All subscriptions, and what was set aside of what they watch, as an operator looks at them: no secret, no content.

docs/operations.md, "Subscriptions and streams"
"""

from datetime import datetime
from typing import Final, NamedTuple

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.database import Connection

_TYPES: Final = {number: name for name, number in RESOURCE_TYPES.items()}

_EACH: Final = """
SELECT s.id, s.owner_key, s.asked -> 'channel' ->> 'type', s.state, p.numbered,
       CASE WHEN s.asked -> 'channel' ->> 'endpoint' IS NOT NULL THEN p.delivered END, s.error
  FROM subscription s JOIN subscription_progress p ON p.subscription = s.key
 WHERE (%s::text IS NULL OR s.state = %s) AND s.id > %s ORDER BY s.id LIMIT %s"""

_SET_ASIDE: Final = """
SELECT a.at, s.id, a.change, a.type, a.id, a.version, a.reason
  FROM subscription_set_aside a LEFT JOIN subscription s ON s.key = a.subscription ORDER BY a.at DESC LIMIT %s"""


class Overview(NamedTuple):
    """One subscription: `delivered` is None where nothing is pushed, `error` what went wrong last."""

    id: str
    owner: str
    channel: str
    state: str
    numbered: int
    delivered: int | None
    error: str | None


class Aside(NamedTuple):
    """A change that could not be held against a subscription (None: against any), and where it failed."""

    at: datetime
    subscription: str | None
    change: str | None
    resource: str
    reason: str


async def each(connection: Connection, state: str | None, after: str, most: int) -> list[Overview]:
    """At most so many, by id from `after` on, of those in the `state` (None: in any)."""
    cursor = await connection.execute(_EACH, (state, state, after, most))
    return [Overview(*row) for row in await cursor.fetchall()]


async def set_aside(connection: Connection, most: int) -> list[Aside]:
    """At most so many, the last first."""
    cursor = await connection.execute(_SET_ASIDE, (most,))
    return [
        Aside(
            at,
            subscription,
            change,
            f"{_TYPES[type]}/{id}" + ("" if version is None else f"/_history/{version}"),
            reason,
        )
        for at, subscription, change, type, id, version, reason in await cursor.fetchall()
    ]
