"""Rows of registered devices and their secrets, written inside a caller's transaction.

docs/adr/0009-device-authentication.md
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import Conflict, NotFound
from fhir_server.store.devices.seal import Seal

Connection = psycopg.AsyncConnection[TupleRow]

_ADD: Final = """
INSERT INTO device (name, id, profile) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING key
"""
_LOCK: Final = """
SELECT key, id, name, profile, registered_at, disabled_at FROM device WHERE name = %(name)s OR id = %(name)s FOR UPDATE
"""
_LIST: Final = """
SELECT d.key, d.id, d.name, d.profile, d.registered_at, d.disabled_at,
       (SELECT patient FROM device_assignment a
        WHERE int8range(a.device, a.device, '[]') && int8range(d.key, d.key, '[]') AND a.period @> now())
FROM device d ORDER BY d.name
"""
_NEXT_KEY: Final = "SELECT coalesce(max(key_id), 0) + 1 FROM device_secret WHERE device = %s"
_ADD_KEY: Final = "INSERT INTO device_secret (device, key_id, sealed) VALUES (%s, %s, %s)"
_RETIRE: Final = """
UPDATE device_secret SET valid_until = clock_timestamp() + %s WHERE device = %s AND valid_until IS NULL
"""
_EXPIRE: Final = "DELETE FROM device_secret WHERE device = %s AND valid_until IS NOT NULL"
_DISABLE: Final = "UPDATE device SET disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE key = %s"
_OPEN_USE: Final = """
SELECT use_id FROM device_assignment
WHERE int8range(device, device, '[]') && int8range(%(key)s, %(key)s, '[]') AND period @> %(at)s AND upper_inf(period)
"""


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered device; `patient` is whom it is on now, where that was asked for."""

    key: int
    id: str
    name: str
    profile: str
    registered_at: datetime
    disabled_at: datetime | None
    patient: str | None = None


async def add(connection: Connection, *, name: str, id: str, profile: str) -> int:
    """The key of a new registered device; raises Conflict when the name is taken."""
    row = await (await connection.execute(_ADD, (name, id, profile))).fetchone()
    if row is None:
        raise Conflict(
            f"A device named {name!r} is registered already. Choose another name, or rotate its secret."
        )
    key: int = row[0]
    return key


async def lock(connection: Connection, name: str) -> Registration:
    """The device with this name or Device id, locked until the transaction ends; raises NotFound."""
    row = await (await connection.execute(_LOCK, {"name": name})).fetchone()
    if row is None:
        raise NotFound(f"No device named {name!r} is registered. `fhir-server device list` shows all.")
    return Registration(*row)


async def listed(connection: Connection) -> list[Registration]:
    """All registered devices by name, with the patient each is on now."""
    return [Registration(*row) async for row in await connection.execute(_LIST)]


async def add_secret(connection: Connection, seal: Seal, device: int, id: str, secret: bytes) -> None:
    """Store `secret`, sealed, as the device's newest key."""
    row = await (await connection.execute(_NEXT_KEY, (device,))).fetchone()
    assert row is not None
    key_id: int = row[0]
    await connection.execute(_ADD_KEY, (device, key_id, seal.close(secret, id, key_id)))


async def retire_secrets(connection: Connection, device: int, overlap: timedelta) -> None:
    """Let the present key end after `overlap`; one that was ending already ends now, so that two remain valid."""
    await connection.execute(_EXPIRE, (device,))
    await connection.execute(_RETIRE, (overlap, device))


async def disable(connection: Connection, device: int) -> None:
    """Nothing the device signs is taken from the commit on."""
    await connection.execute(_DISABLE, (device,))


async def open_use(connection: Connection, device: int, at: datetime) -> str | None:
    """The id of the DeviceUseStatement that assigns the device at `at` without an end."""
    row = await (await connection.execute(_OPEN_USE, {"key": device, "at": at})).fetchone()
    return None if row is None else row[0]
