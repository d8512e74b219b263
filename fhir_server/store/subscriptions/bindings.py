"""Tokens that bind a WebSocket to subscriptions, kept as their hashes until they expire.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from fhir_server.store.database import Connection

_SWEPT: Final = 100

_KEEP: Final = f"""
WITH swept AS (DELETE FROM subscription_binding WHERE sha256 IN
    (SELECT sha256 FROM subscription_binding WHERE expires_at < clock_timestamp() LIMIT {_SWEPT} FOR UPDATE SKIP LOCKED))
INSERT INTO subscription_binding (sha256, subscriptions, owner_key, expires_at)
VALUES (%s, %s::text[], %s, clock_timestamp() + %s * interval '1 second')
RETURNING expires_at"""

_FOUND: Final = """
SELECT subscriptions, owner_key, expires_at FROM subscription_binding
 WHERE sha256 = %s AND expires_at > clock_timestamp()"""


class Binding(NamedTuple):
    """The ids of the subscriptions that a token binds to, whose they are, and until when it does."""

    subscriptions: Sequence[str]
    owner_key: str
    expires_at: datetime


async def keep(
    connection: Connection, sha256: bytes, subscriptions: Sequence[str], owner_key: str, seconds: int
) -> datetime:
    """When the token of this hash expires, which is kept from now on; some of those that have expired go."""
    row = await (
        await connection.execute(_KEEP, (sha256, list(subscriptions), owner_key, seconds))
    ).fetchone()
    assert row is not None
    expires_at: datetime = row[0]
    return expires_at


async def found(connection: Connection, sha256: bytes) -> Binding | None:
    """What the token of this hash binds to; None when it has expired or was never made."""
    row = await (await connection.execute(_FOUND, (sha256,))).fetchone()
    return None if row is None else Binding(*row)
