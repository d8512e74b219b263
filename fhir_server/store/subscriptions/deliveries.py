"""Who is to be sent something: claimed by one process at a time, and how far their endpoint has come.

https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE, `SKIP LOCKED`; docs/adr/0024-delivery.md

A claim is a lease: a process that dies leaves it to end, and another one sends the same again. Which events go together is
written down before they are sent, so that what is sent again is the same notification.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
import psycopg
from psycopg.rows import TupleRow

from fhir_server.audit.record import Record
from fhir_server.store.audit.rows import inserted
from fhir_server.store.subscriptions.following import TYPES, Row
from fhir_server.store.subscriptions.registrations import State

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

MOST_TOGETHER: Final = 100
TIMEOUT_SECONDS: Final = 10
MOST_TIMEOUT_SECONDS: Final = 60
LEASE_BEYOND_SECONDS: Final = 15

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

TIMEOUT: Final = (
    f"least(coalesce((s.asked->'channel'->>'timeout')::int, {TIMEOUT_SECONDS}), {MOST_TIMEOUT_SECONDS})"
)
_LEASE: Final = f"clock_timestamp() + make_interval(secs => {TIMEOUT} + {LEASE_BEYOND_SECONDS})"
_BEAT: Final = """
coalesce(coalesce({sent}, s.started_at) + make_interval(secs => (s.asked->'channel'->>'heartbeat')::int), 'infinity')"""

# the last of those that go together: what was begun is finished, unless fewer may go together by now
_UPTO: Final = """
CASE WHEN p.sending > {delivered} AND p.sending <= {delivered} + most.events THEN p.sending
     ELSE least(p.numbered, {delivered} + most.events) END"""
_MOST: Final = f"""
CROSS JOIN LATERAL (SELECT CASE WHEN s.asked->>'topic' IS NULL THEN 1
  ELSE least(coalesce((s.asked->'channel'->>'max_count')::int, {MOST_TOGETHER}), {MOST_TOGETHER}) END AS events) most"""

# what goes together, as those see it who look at the row of the progress
_EVENTS: Final = """
(SELECT json_agg(json_build_array(e.number, (extract(epoch FROM e.at) * 1000000)::bigint, e.change, e.type, e.id, e.rid, e.version, k.id)
                 ORDER BY e.number)::text
   FROM subscription_event e LEFT JOIN resource r ON r.rid = e.rid LEFT JOIN patient_key k ON k.key = r.patient
  WHERE e.subscription = p.subscription AND e.number > p.delivered AND e.number <= p.sending)"""
_READ: Final = f"""
SELECT {_EVENTS} FROM (VALUES (%s::bigint, %s::bigint, %s::bigint)) AS p (subscription, delivered, sending)"""

_COLUMNS: Final = f"""
s.key, s.id, s.owner_key, s.owner, s.asked, s.headers, s.state, s.error, s.started_at, nullif(p.due_at, 'infinity'), p.greeted, p.numbered, p.delivered,
p.sending, p.attempts, p.failing_since, {TIMEOUT}, {_BEAT.format(sent="p.last_sent_at")} <= clock_timestamp(),
coalesce(s.ends_at <= clock_timestamp(), FALSE), p.due_at <= clock_timestamp(), {_EVENTS}"""

# by the statement's own time, which an index can be asked by
_CLAIM: Final = """
WITH due AS MATERIALIZED (
  SELECT d.subscription FROM subscription_progress d {others}
   WHERE d.due_at <= statement_timestamp() AND (d.lease_until IS NULL OR d.lease_until < statement_timestamp())
   ORDER BY d.due_at LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED)
UPDATE subscription_progress p
   SET lease_owner = %(me)s, lease_until = {lease}, due_at = {lease}, sending = {upto}
  FROM due JOIN subscription s ON s.key = due.subscription {most}
 WHERE p.subscription = due.subscription
RETURNING {columns}"""
_VALUES: Final = {
    "lease": _LEASE,
    "upto": _UPTO.format(delivered="p.delivered"),
    "most": _MOST,
    "columns": _COLUMNS,
}
_CLAIM_ANY: Final = _CLAIM.format(others="", **_VALUES)
_OTHERS: Final = """
JOIN subscription o ON o.key = d.subscription AND o.owner_key <> ALL(%(full)s)
 AND NOT (o.owner_key = ANY(%(doubted)s) AND (d.attempts > 0 OR NOT d.greeted))"""
_CLAIM_OTHERS: Final = _CLAIM.format(others=_OTHERS, **_VALUES)

# what became due meanwhile stays so
_FREE: Final = """
lease_owner = NULL, lease_until = NULL, due_at = CASE WHEN p.due_at = %(due_at)s THEN {due} ELSE least(p.due_at, {due}) END"""
_MINE: Final = "s.key = p.subscription AND p.subscription = %(key)s AND p.lease_owner = %(me)s"

_DELIVERED: Final = "greatest(p.delivered, %(upto)s)"
_MORE: Final = f"p.numbered > {_DELIVERED}"
_ACKNOWLEDGE: Final = f"""
UPDATE subscription_progress p
   SET delivered = {_DELIVERED}, attempts = 0, failing_since = NULL, last_sent_at = clock_timestamp(),
       sending = {_UPTO.format(delivered=_DELIVERED)},
       lease_owner = CASE WHEN {_MORE} THEN p.lease_owner END, lease_until = CASE WHEN {_MORE} THEN {_LEASE} END,
       due_at = CASE WHEN {_MORE} THEN {_LEASE}
                     WHEN p.due_at = %(due_at)s THEN {_BEAT.format(sent="clock_timestamp()")}
                     ELSE least(p.due_at, {_BEAT.format(sent="clock_timestamp()")}) END
  FROM subscription s {_MOST} WHERE {_MINE}
RETURNING {_COLUMNS}"""

_GREET: Final = f"""
UPDATE subscription_progress p
   SET greeted = TRUE, attempts = 0, failing_since = NULL, last_sent_at = clock_timestamp(), lease_owner = NULL,
       lease_until = NULL, due_at = CASE WHEN p.numbered > p.delivered THEN clock_timestamp()
                                         ELSE {_BEAT.format(sent="clock_timestamp()")} END
  FROM subscription s WHERE {_MINE}"""

_REST: Final = f"""
UPDATE subscription_progress p SET {_FREE.format(due="CASE WHEN %(beats)s THEN " + _BEAT.format(sent="p.last_sent_at") + " ELSE 'infinity' END")}
  FROM subscription s WHERE {_MINE}"""

_FAIL: Final = f"""
UPDATE subscription_progress p
   SET attempts = p.attempts + 1, failing_since = coalesce(p.failing_since, clock_timestamp()), greeted = p.greeted AND s.state <> 'requested' AND %(was)s <> 'requested',
       lease_owner = NULL, lease_until = NULL,
       due_at = clock_timestamp() + make_interval(secs => CASE WHEN s.started_at = %(started_at)s THEN %(delay)s ELSE 0 END)
  FROM subscription s WHERE {_MINE}"""

_SAY: Final = (
    "UPDATE subscription SET error = %s WHERE key = %s AND started_at = %s AND error IS DISTINCT FROM %s"
)
_RELEASE: Final = """
UPDATE subscription_progress SET lease_owner = NULL, lease_until = NULL, due_at = clock_timestamp() WHERE lease_owner = %s"""


class Due(NamedTuple):
    """An event that is to be told, and the id of the Patient whom its resource is about now."""

    row: Row
    patient: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A subscription that is this process's to send to: the `events` after `delivered`, up to and with `upto`, go together.

    `greeted` says that its endpoint took a handshake, `is_quiet` that a heartbeat is due, `has_ended` that its end has come,
    `is_due` that something is due to it that nobody sends.
    """

    key: int
    id: str
    owner_key: str
    owner: dict[str, Any]  # Any: JSON of `subscriptions.as_json`
    asked: dict[str, Any]  # Any: JSON of `subscriptions.as_json`
    headers: bytes | None
    state: State
    error: str | None
    started_at: datetime
    due_at: datetime | None
    greeted: bool
    numbered: int
    delivered: int
    upto: int
    attempts: int
    failing_since: datetime | None
    timeout: float
    is_quiet: bool
    has_ended: bool
    is_due: bool
    events: Sequence[Due]

    @property
    def has_more(self) -> bool:
        """Whether events wait to be sent."""
        return self.numbered > self.delivered

    @property
    def is_whole(self) -> bool:
        """Whether the `events` are all that go together: one that was numbered in the same moment may be missing."""
        return not self.has_more or (bool(self.events) and self.events[-1].row.number == self.upto)

    @property
    def is_doubtful(self) -> bool:
        """Whether its endpoint did not take what it was sent last, or was never sent anything."""
        return self.attempts > 0 or not self.greeted


class Crowded(NamedTuple):
    """Owners, by their keys, of whom nothing is to be claimed now: nothing at all, or nothing doubtful."""

    full: list[str]
    doubted: list[str]


async def claim(connection: Connection, me: str, most: int, crowded: Crowded) -> list[Claim]:
    """At most so many subscriptions to which something is due and nobody sends now, those that wait longest first."""
    statement, values = _CLAIM_ANY, dict[str, object](me=me, most=most)
    if crowded.full or crowded.doubted:
        statement = _CLAIM_OTHERS
        values |= crowded._asdict()
    cursor = await connection.execute(statement, values)
    return [_claim(row) for row in await cursor.fetchall()]


async def events(connection: Connection, claimed: Claim) -> list[Due]:
    """All that go together by a claim that is not whole, as far as they are kept."""
    row = await (await connection.execute(_READ, (claimed.key, claimed.delivered, claimed.upto))).fetchone()
    assert row is not None, "it asks for one row"
    return _due(row[0])


async def acknowledge(
    connection: Connection, me: str, claimed: Claim, upto: int, record: Record | None = None
) -> Claim | None:
    """The claim with what is next, after all up to and with `upto` was taken: free where there is nothing more, None where it was lost.

    The `record` of it is kept in the same statement, also where the claim was lost meanwhile.
    """
    values: dict[str, object] = {"me": me, "key": claimed.key, "due_at": claimed.due_at, "upto": upto}
    statement = _ACKNOWLEDGE if record is None else _beside(record, values)
    row = await (await connection.execute(statement, values)).fetchone()
    return None if row is None else _claim(row)


async def greet(connection: Connection, me: str, claimed: Claim) -> None:
    """The endpoint has taken the handshake; events are due at once."""
    await connection.execute(_GREET, {"me": me, "key": claimed.key})


async def rest(connection: Connection, me: str, claimed: Claim, *, beats: bool) -> None:
    """There is nothing to send: the claim is free, and due again for a heartbeat or for what comes."""
    values = {"me": me, "key": claimed.key, "due_at": claimed.due_at, "beats": beats}
    await connection.execute(_REST, values)


async def fail(
    connection: Connection, me: str, claimed: Claim, delay: float, record: Record | None = None
) -> None:
    """The attempt failed: the claim is free, and due again after so many seconds, at once where it was started again.

    Its `record` is kept first, in the caller's transaction.
    """
    if record is not None:
        statement = inserted([record])
        await connection.execute(statement.sql, statement.params)
    values = {
        "me": me,
        "key": claimed.key,
        "started_at": claimed.started_at,
        "delay": delay,
        "was": claimed.state,
    }
    await connection.execute(_FAIL, values)


async def say(connection: Connection, claimed: Claim, error: str | None) -> None:
    """What `$status` tells of the last attempt, its state left as it is."""
    await connection.execute(_SAY, (error, claimed.key, claimed.started_at, error))


async def release(connection: Connection, me: str) -> None:
    """Other processes may send at once what this one had claimed."""
    await connection.execute(_RELEASE, (me,))


def _claim(row: TupleRow) -> Claim:
    return Claim(*(*row[:-1], _due(row[-1])))


def _due(events: str | None) -> list[Due]:
    return [
        Due(Row(number, _EPOCH + timedelta(microseconds=at), change, TYPES[type], id, rid, version), patient)
        for number, at, change, type, id, rid, version, patient in orjson.loads(events or "[]")
    ]


def _beside(record: Record, values: dict[str, object]) -> str:
    """The acknowledgement with what keeps `record`, whose columns are added to `values`: here parameters have names."""
    keeping = inserted([record])
    first, *others = keeping.sql.split("%b")
    named = {f"audit_{place}": column for place, column in enumerate(keeping.params)}
    values.update(named)
    sql = first + "".join(f"%({name})b{part}" for name, part in zip(named, others, strict=True))
    return f"WITH told AS ({sql}) {_ACKNOWLEDGE}"
