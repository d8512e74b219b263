"""How far the change log was matched, and which process goes on with it: a lease with an epoch.

docs/adr/0023-change-log.md, "Lease and epoch"

Whoever takes the lease raises the epoch. Every step is committed under the epoch that it began with, so that a leader that was
stopped for a while and wakes up when another leads can number nothing.
"""

from datetime import timedelta
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import FhirServerError

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

LEASE_SECONDS: Final = 6.0
RENEW_SECONDS: Final = 2.0

_LEASE: Final = "lease_until = clock_timestamp() + make_interval(secs => %(lease)s)"
# worth no wait for the disk: lost in a crash it is as if it had not been
_UNHURRIED: Final = "(SELECT set_config('synchronous_commit', 'off', true)) AS unhurried"

# one who falls asleep within a transaction must not keep the next leader waiting for its lock
_AWAKE: Final = "(SELECT set_config('idle_in_transaction_session_timeout', '3s', true)) AS awake"

_TAKE: Final = f"""
UPDATE subscription_cursor c SET leader = %(me)s, epoch = c.epoch + 1, {_LEASE}
  FROM (SELECT lease_until AS ended FROM subscription_cursor) AS before
 WHERE c.leader IS NULL OR c.leader = %(me)s OR c.lease_until < clock_timestamp()
RETURNING c.epoch, c.snapshot::text, clock_timestamp() - before.ended"""
_RENEW: Final = (
    f"UPDATE subscription_cursor SET {_LEASE} FROM {_UNHURRIED} WHERE epoch = %(epoch)s RETURNING epoch"
)
_PASS: Final = f"""
UPDATE subscription_cursor SET snapshot = pg_current_snapshot(), {_LEASE} FROM {_UNHURRIED}
 WHERE epoch = %(epoch)s AND NOT EXISTS (SELECT FROM subscription WHERE state <> 'off') RETURNING snapshot::text"""
_HOLD: Final = (
    f"UPDATE subscription_cursor SET {_LEASE} FROM {_AWAKE} WHERE epoch = %(epoch)s RETURNING epoch"
)
_MOVE: Final = f"""
UPDATE subscription_cursor SET snapshot = %(next)s::pg_snapshot, {_LEASE} FROM {_AWAKE}
 WHERE epoch = %(epoch)s AND snapshot::text = %(last)s::pg_snapshot::text RETURNING epoch"""
_RELEASE: Final = "UPDATE subscription_cursor SET lease_until = clock_timestamp() WHERE epoch = %(epoch)s"


class LeaseLost(FhirServerError):
    """Another process leads, or this one does not know what it did last: what it was doing is not to be kept."""

    def __init__(self) -> None:
        super().__init__("Another process numbers the events of subscriptions now.")


class Moving(NamedTuple):
    """A statement that moves the cursor, and then returns a row; its parameters have names.

    It does nothing for those who do not lead any more, nor where the cursor does not stand where they knew it last: whoever did
    not hear that what they numbered was committed must not number it again.
    """

    sql: str
    params: dict[str, object]


class Lease(NamedTuple):
    """The lease: its epoch, where the change log is to be read on, and how long nobody led before (None: nobody ever did)."""

    epoch: int
    snapshot: str
    gap: timedelta | None


async def take(connection: Connection, me: str, seconds: float = LEASE_SECONDS) -> Lease | None:
    """The lease, where it was free, has ended or is one's own already; None while another process has it."""
    cursor = await connection.execute(_TAKE, {"me": me, "lease": seconds})
    row = await cursor.fetchone()
    return None if row is None else Lease(*row)


async def renew(connection: Connection, epoch: int, seconds: float = LEASE_SECONDS) -> None:
    """The lease lasts on. Raises LeaseLost."""
    await _held(connection, _RENEW, {"epoch": epoch, "lease": seconds})


async def pass_over(connection: Connection, epoch: int, seconds: float = LEASE_SECONDS) -> str | None:
    """The snapshot that the cursor was moved to, past all there is, unread; None where there is somebody to tell of it."""
    cursor = await connection.execute(_PASS, {"epoch": epoch, "lease": seconds})
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def hold(connection: Connection, epoch: int, seconds: float = LEASE_SECONDS) -> None:
    """Nobody else numbers in this transaction, which lasts as soon as it is committed. Raises LeaseLost."""
    await _held(connection, _HOLD, {"epoch": epoch, "lease": seconds})


def moving(epoch: int, last: str, next: str, seconds: float = LEASE_SECONDS) -> Moving:
    """What moves the cursor from the snapshot `last` to `next`; until the transaction ends nobody else moves it."""
    return Moving(_MOVE, {"epoch": epoch, "last": last, "next": next, "lease": seconds})


async def release(connection: Connection, epoch: int) -> None:
    """Another process may lead at once."""
    await connection.execute(_RELEASE, {"epoch": epoch})


async def _held(connection: Connection, statement: str, parameters: dict[str, object]) -> None:
    cursor = await connection.execute(statement, parameters)
    if await cursor.fetchone() is None:
        raise LeaseLost
