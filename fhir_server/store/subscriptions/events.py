"""Events on their way in: numbered for each subscription from 1 without gaps, and removed when they are old.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import bigints, instants, smallints, texts
from fhir_server.store.subscriptions.cursor import LeaseLost, Moving

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

REMOVED_TOGETHER: Final = 1_000

# Delivery is due at once where something is pushed, and nothing stands in the way: one that failed is tried when it said.
_NUMBER: Final = """
WITH {first} given AS MATERIALIZED (
  SELECT * FROM unnest(%(subscriptions)b, %(at)b, %(changes)b, %(types)b, %(ids)b, %(rids)b, %(versions)b) WITH ORDINALITY
    AS g (subscription, at, change, type, id, rid, version, place)),
advanced AS (
  UPDATE subscription_progress p SET numbered = p.numbered + c.events,
         due_at = CASE WHEN s.asked -> 'channel' ->> 'type' = 'rest-hook' AND p.attempts = 0
                       THEN least(p.due_at, clock_timestamp()) ELSE p.due_at END
    FROM (SELECT subscription, count(*) AS events FROM given GROUP BY subscription) c
    JOIN subscription s ON s.key = c.subscription AND s.state <> 'off'
   WHERE p.subscription = c.subscription AND {is_first}
  RETURNING p.subscription, p.numbered - c.events AS before),
added AS (
  INSERT INTO subscription_event (subscription, number, at, change, type, id, rid, version)
  SELECT g.subscription, a.before + row_number() OVER (PARTITION BY g.subscription ORDER BY g.place),
         g.at, g.change, g.type, g.id, g.rid, nullif(g.version, 0)
    FROM given g JOIN advanced a USING (subscription) RETURNING number)
SELECT (SELECT count(*) FROM added), {is_first}"""
_AFTER: Final = _NUMBER.format(first="", is_first="TRUE")

_REMOVE: Final = """
DELETE FROM subscription_event e USING (
  SELECT subscription, number FROM subscription_event
   WHERE at < clock_timestamp() - make_interval(days => %s) ORDER BY at LIMIT %s) old
 WHERE e.subscription = old.subscription AND e.number = old.number"""


class Unnumbered(NamedTuple):
    """An event of the subscription `subscription`, by its key, that has no number yet."""

    subscription: int
    at: datetime
    change: str
    type: str
    id: str
    rid: int | None
    version: int | None


async def number(connection: Connection, events: Sequence[Unnumbered], first: Moving | None = None) -> int:
    """How many were numbered, in their order: all but those of subscriptions that are off.

    In the same statement the cursor is moved `first`, where that is said. Raises LeaseLost where it is not, and then none was numbered.
    """
    values: dict[str, object] = {
        "subscriptions": bigints([one.subscription for one in events]),
        "at": instants([one.at for one in events]),
        "changes": texts([one.change.encode() for one in events]),
        "types": smallints([RESOURCE_TYPES[one.type] for one in events]),
        "ids": texts([one.id.encode() for one in events]),
        "rids": bigints([one.rid for one in events]),
        "versions": bigints([one.version or 0 for one in events]),
    }
    statement = _AFTER
    if first is not None:
        statement = _NUMBER.format(first=f"first AS ({first.sql}),", is_first="EXISTS (SELECT FROM first)")
        values |= first.params
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None, "a count has a row"
    if not row[1]:
        raise LeaseLost
    return int(row[0])


async def remove_old(connection: Connection, days: int) -> int:
    """How many events older than so many days were removed: `REMOVED_TOGETHER` at most, so that nobody waits for it."""
    return (await connection.execute(_REMOVE, (days, REMOVED_TOGETHER))).rowcount
