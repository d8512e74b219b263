"""Devices that were connected and are not heard of any more: each is found once, until it is heard of again.

docs/subscriptions.md, "Topics"; docs/adr/0023-change-log.md, "Devices that fall silent"
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.store.arrays import bigints, instants

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

CONNECTED_WITHIN: Final = timedelta(minutes=5)
"""A device that was seen less long ago counts as connected."""

_SILENT: Final = """
SELECT d.key, d.id, d.last_seen_at, r.body::text,
       (SELECT a.patient FROM device_assignment a WHERE a.device = d.key AND a.period @> clock_timestamp())
  FROM device d JOIN resource r ON r.type = %s AND r.id = d.id AND NOT r.deleted
 WHERE d.last_seen_at < clock_timestamp() - %s::interval AND (d.told_seen_at IS NULL OR d.told_seen_at < d.last_seen_at)
   AND d.removed_at IS NULL AND d.disabled_at IS NULL
 ORDER BY d.last_seen_at LIMIT %s"""
_TOLD: Final = """
UPDATE device d SET told_seen_at = told.seen_at FROM unnest(%b, %b) AS told (key, seen_at) WHERE d.key = told.key"""


class Silent(NamedTuple):
    """A device that is silent: its Device resource, when it was heard of last, and whom it is used on."""

    key: int
    id: str
    last_seen: datetime
    body: bytes
    patient: str | None


async def silent(connection: Connection, device_type: int, most: int) -> list[Silent]:
    """Devices that fell silent and were not told of since they were heard, at most so many."""
    cursor = await connection.execute(_SILENT, (device_type, CONNECTED_WITHIN, most))
    return [
        Silent(key, id, last_seen, body.encode(), patient)
        for key, id, last_seen, body, patient in await cursor.fetchall()
    ]


async def told(connection: Connection, devices: Sequence[Silent]) -> None:
    """The devices are not found again before they were heard of."""
    columns = bigints([one.key for one in devices]), instants([one.last_seen for one in devices])
    await connection.execute(_TOLD, columns)
