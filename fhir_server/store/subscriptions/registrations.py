"""Subscriptions as they are served: what each asks for, whose it is, and how far it is on its way.

https://hl7.org/fhir/R4/subscription.html

A row stays for a while when its resource is deleted: its numbers go on should the resource come back, and its history keeps its
owner. Without a row it is the administrators' alone.
What `asked` and `owner` hold is read by `fhir_server.subscriptions.as_json`.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.definitions.types import RESOURCE_TYPES

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
State: TypeAlias = Literal["requested", "active", "error", "off"]

# Any: JSON whose members those know who wrote it
Kept: TypeAlias = dict[str, Any]

_COLUMNS: Final = "s.key, s.id, s.owner_key, s.owner::text, s.asked::text, s.headers, s.state, s.error, s.since::text, s.started_at, s.ends_at"
_SOME: Final = f"SELECT {_COLUMNS} FROM subscription s WHERE s.id = ANY(%s) ORDER BY s.key"
_ALL: Final = f"SELECT {_COLUMNS} FROM subscription s WHERE s.state <> 'off' ORDER BY s.key"
_LOCKED: Final = f"SELECT {_COLUMNS} FROM subscription s WHERE s.id = %s FOR UPDATE"

_ADD: Final = """
WITH made AS (
  INSERT INTO subscription (id, owner_key, owner, asked, headers, state, since, started_at, ends_at)
  VALUES (%s, %s, %s, %s, %s, %s, pg_current_snapshot(), clock_timestamp(), %s) RETURNING key, state)
INSERT INTO subscription_progress (subscription, due_at)
SELECT key, CASE WHEN state = 'requested' THEN clock_timestamp() ELSE 'infinity' END FROM made"""

_START: Final = """
UPDATE subscription SET owner_key = %s, owner = %s, asked = %s, headers = %s, state = %s, error = NULL, ends_at = %s,
       since = CASE WHEN %s THEN pg_current_snapshot() ELSE since END, started_at = clock_timestamp()
 WHERE key = %s"""

_KEEP: Final = (
    "UPDATE subscription SET owner = %s, asked = %s, headers = %s, state = %s, ends_at = %s WHERE key = %s"
)
_CARRY_ON: Final = """
UPDATE subscription_progress
   SET greeted = FALSE, attempts = 0, failing_since = NULL, delivered = CASE WHEN %s THEN numbered ELSE delivered END,
       due_at = CASE WHEN %s = 'requested' THEN clock_timestamp() ELSE 'infinity' END
 WHERE subscription = %s"""
_REST: Final = "UPDATE subscription_progress SET due_at = 'infinity' WHERE subscription = %s"

_IN_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 9))"
_RUNNING: Final = "SELECT count(*) FROM subscription WHERE owner_key = %s AND state <> 'off'"
_STATES: Final = "SELECT state, count(*) FROM subscription GROUP BY state"
_DELETED: Final = (
    "UPDATE subscription SET state = 'off', error = NULL, headers = NULL WHERE id = %s RETURNING key"
)
_REMOVE: Final = """
WITH removed AS (
  DELETE FROM subscription WHERE key IN (
    SELECT s.key FROM subscription s JOIN resource r ON r.type = %s AND r.id = s.id
     WHERE s.state = 'off' AND r.deleted AND r.last_updated < clock_timestamp() - make_interval(days => %s)
       AND NOT EXISTS (SELECT FROM subscription_event e WHERE e.subscription = s.key)
     LIMIT 1000 FOR UPDATE OF s SKIP LOCKED)
  RETURNING key)
DELETE FROM subscription_progress p USING removed WHERE p.subscription = removed.key"""
_STATE: Final = "UPDATE subscription SET state = %s, error = %s WHERE id = %s RETURNING key"


@dataclass(frozen=True, slots=True)
class Registration:
    """A Subscription that was accepted; `headers` are sealed, `since` is the pg_snapshot whose changes it is not told of."""

    key: int
    id: str
    owner_key: str
    owner: Kept
    asked: Kept
    headers: bytes | None
    state: State
    error: str | None
    since: str
    started_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be kept of a Subscription that was written."""

    owner_key: str
    owner: Kept
    asked: Kept
    headers: bytes | None
    state: State
    ends_at: datetime | None


async def registered(connection: Connection, ids: Collection[str] | None = None) -> list[Registration]:
    """Those with one of the ids, in whatever state; without ids all that are not `off`."""
    cursor = await (connection.execute(_ALL) if ids is None else connection.execute(_SOME, (list(ids),)))
    return [_registration(row) for row in await cursor.fetchall()]


async def locked(connection: Connection, id: str) -> Registration | None:
    """The one with the id, locked until the transaction ends; None when there never was one."""
    row = await (await connection.execute(_LOCKED, (id,))).fetchone()
    return None if row is None else _registration(row)


async def add(connection: Connection, id: str, wanted: Wanted) -> None:
    """Keeps a Subscription that was never there: changes that are not visible now are what it is told of."""
    await connection.execute(
        _ADD,
        (
            id,
            wanted.owner_key,
            Jsonb(wanted.owner),
            Jsonb(wanted.asked),
            wanted.headers,
            wanted.state,
            wanted.ends_at,
        ),
    )


async def start(connection: Connection, known: Registration, wanted: Wanted, *, anew: bool) -> None:
    """Starts it again, under the numbers that follow; `anew`: only with what changes from now on, and nothing of before is sent."""
    await connection.execute(
        _START,
        (
            wanted.owner_key,
            Jsonb(wanted.owner),
            Jsonb(wanted.asked),
            wanted.headers,
            wanted.state,
            wanted.ends_at,
            anew,
            known.key,
        ),
    )
    await connection.execute(_CARRY_ON, (anew, wanted.state, known.key))


async def keep(connection: Connection, known: Registration, wanted: Wanted) -> None:
    """Keeps what was said anew of one that goes on as it is, or that rests from now on."""
    values = (Jsonb(wanted.owner), Jsonb(wanted.asked), wanted.headers, wanted.state, wanted.ends_at)
    await connection.execute(_KEEP, (*values, known.key))
    if wanted.state == "off":
        await connection.execute(_REST, (known.key,))


async def set_state(connection: Connection, id: str, state: State, error: str | None) -> None:
    """Sets the state, and why; one that is `off` rests. The resource says the same: see `fhir_server.subscriptions.restate`."""
    row = await (await connection.execute(_STATE, (state, error, id))).fetchone()
    if row is not None and state == "off":
        await connection.execute(_REST, row)


async def deleted(connection: Connection, id: str) -> None:
    """The one with the id, if there ever was one, is off and rests, and what its endpoint was sent as headers is forgotten."""
    row = await (await connection.execute(_DELETED, (id,))).fetchone()
    if row is not None:
        await connection.execute(_REST, row)


async def remove_deleted(connection: Connection, days: int) -> int:
    """How many were removed, at most 1,000: deleted more than so many days ago, and none of whose events is kept."""
    return (await connection.execute(_REMOVE, (RESOURCE_TYPES["Subscription"], days))).rowcount


async def running(connection: Connection, owner_key: str) -> int:
    """How many of the owner's are not off; until the transaction ends nobody else counts theirs."""
    await connection.execute(_IN_TURN, (owner_key,))
    row = await (await connection.execute(_RUNNING, (owner_key,))).fetchone()
    assert row is not None, "there is always a count"
    return int(row[0])


async def states(connection: Connection) -> dict[State, int]:
    """How many there are in each state that some are in."""
    return dict(await (await connection.execute(_STATES)).fetchall())


def _registration(row: TupleRow) -> Registration:
    key, id, owner_key, owner, asked, *rest = row
    return Registration(key, id, owner_key, json.loads(owner), json.loads(asked), *rest)
