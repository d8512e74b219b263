"""API keys of devices: hashes only, written inside a caller's transaction.

docs/adr/0015-api-keys-of-devices.md
"""

from datetime import timedelta
from typing import Final

from fhir_server.store.devices.registration import Connection
from ingest.api_key import NewKey

_ADD: Final = "INSERT INTO device_api_key (id, device, sha256) VALUES (%s, %s, %s)"
_EXPIRE: Final = "DELETE FROM device_api_key WHERE device = %s AND valid_until IS NOT NULL"
_RETIRE: Final = """
UPDATE device_api_key SET valid_until = clock_timestamp() + %s WHERE device = %s AND valid_until IS NULL
"""
_FORGET: Final = "DELETE FROM device_api_key WHERE device = %s"


async def replace(connection: Connection, device: int, key: NewKey, overlap: timedelta) -> None:
    """The device holds `key`; the one before ends after `overlap`, one that was ending already at once."""
    await connection.execute(_EXPIRE, (device,))
    await connection.execute(_RETIRE, (overlap, device))
    await connection.execute(_ADD, (key.id, device, key.sha256))


async def forget(connection: Connection, device: int) -> int:
    """How many keys the device had, which it has no longer from the commit on."""
    return (await connection.execute(_FORGET, (device,))).rowcount
