"""Numbered events read for those who follow subscriptions: any number of them in one statement.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import bigints, integers
from fhir_server.store.database import Connection

LATEST: Final = 2**63 - 1
TYPES: Final = {number: name for name, number in RESOURCE_TYPES.items()}

_EVENTS: Final = """
SELECT w.place, e.number, e.at, e.change, e.type, e.id, e.rid, e.version
  FROM unnest(%b, %b, %b, %b) AS w (place, key, after, until) CROSS JOIN LATERAL (
    SELECT * FROM subscription_event e WHERE e.subscription = w.key AND e.number > w.after AND e.number <= w.until
     ORDER BY e.number LIMIT %s) e
 ORDER BY w.place, e.number"""

_STANDS: Final = """
SELECT s.key, s.asked::text, s.state, s.error, p.numbered,
       coalesce((SELECT min(e.number) FROM subscription_event e WHERE e.subscription = s.key), p.numbered + 1)
  FROM subscription s JOIN subscription_progress p ON p.subscription = s.key WHERE s.key = ANY(%b)"""


class Wanted(NamedTuple):
    """Events of the subscription `key`: those after one number, up to and with another."""

    key: int
    after: int = 0
    until: int = LATEST


class Row(NamedTuple):
    """An event; a device that has fallen silent has no row's number `rid`, nor a version."""

    number: int
    at: datetime
    change: str
    type: str
    id: str
    rid: int | None
    version: int | None


class Stand(NamedTuple):
    """How a subscription stands: what it asks for, as JSON; events from `kept_from` on are kept."""

    asked: str
    state: str
    error: str | None
    numbered: int
    kept_from: int


async def events(connection: Connection, wanted: Sequence[Wanted], most: int) -> list[list[Row]]:
    """The first events of each of `wanted`, at most so many, in order."""
    columns = (
        integers(range(len(wanted))),
        bigints([one.key for one in wanted]),
        bigints([one.after for one in wanted]),
        bigints([one.until for one in wanted]),
    )
    found: list[list[Row]] = [[] for _ in wanted]
    for place, number, at, change, type, *rest in await (
        await connection.execute(_EVENTS, (*columns, most))
    ).fetchall():
        found[place].append(Row(number, at, change, TYPES[type], *rest))
    return found


async def stands(connection: Connection, keys: Sequence[int]) -> dict[int, Stand]:
    """How the subscriptions of `keys` stand, by key."""
    cursor = await connection.execute(_STANDS, (bigints(keys),))
    return {key: Stand(*rest) for key, *rest in await cursor.fetchall()}
