"""Rows of registered devices and their secrets, written inside a caller's transaction.

docs/adr/0009-device-authentication.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, LiteralString

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Conflict, Gone, NotFound
from fhir_server.store.devices.seal import Seal

Connection = psycopg.AsyncConnection[TupleRow]

_ADD: Final = """
INSERT INTO device (name, id, profile, metrics) VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING key
"""
_COLUMNS: Final = (
    "d.key, d.id, d.name, d.profile, d.registered_at, d.disabled_at, d.last_seen_at, d.removed_at, "
    "coalesce(d.state, '{}')"
)
_LOCK: Final = f"SELECT {_COLUMNS} FROM device d WHERE d.name = %(name)s OR d.id = %(name)s FOR UPDATE"
_VIEW: Final = f"""
SELECT {_COLUMNS},
       (SELECT patient FROM device_assignment a
        WHERE int8range(a.device, a.device, '[]') && int8range(d.key, d.key, '[]') AND a.period @> now()),
       (SELECT r.body::text FROM resource r
        WHERE r.type = {RESOURCE_TYPES["Device"]} AND r.id = d.id AND NOT r.deleted),
       EXISTS (SELECT FROM device_api_key k
               WHERE k.device = d.key AND (k.valid_until IS NULL OR k.valid_until > clock_timestamp()))
FROM device d
"""
_LIST: Final = f"{_VIEW} WHERE d.name > %s ORDER BY d.name LIMIT %s"
_FIND: Final = f"{_VIEW} WHERE d.name = %(name)s OR d.id = %(name)s"
_NEXT_KEY: Final = "SELECT coalesce(max(key_id), 0) + 1 FROM device_secret WHERE device = %s"
_ADD_KEY: Final = "INSERT INTO device_secret (device, key_id, sealed) VALUES (%s, %s, %s)"
_RETIRE: Final = """
UPDATE device_secret SET valid_until = clock_timestamp() + %s WHERE device = %s AND valid_until IS NULL
"""
_EXPIRE: Final = "DELETE FROM device_secret WHERE device = %s AND valid_until IS NOT NULL"
_FORGET: Final = "DELETE FROM device_secret WHERE device = %s"
_DISABLE: Final = "UPDATE device SET disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE key = %s"
_ENABLE: Final = "UPDATE device SET disabled_at = NULL WHERE key = %s"
_REMOVE: Final = "UPDATE device SET removed_at = clock_timestamp() WHERE key = %s"
_SET_METRICS: Final = "UPDATE device SET metrics = %s WHERE key = %s"
_SET_STATE: Final = "UPDATE device SET state = %s WHERE key = %s"
_OPEN_USE: Final = """
SELECT use_id FROM device_assignment
WHERE int8range(device, device, '[]') && int8range(%(key)s, %(key)s, '[]') AND period @> %(at)s AND upper_inf(period)
"""


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered device; what is from `patient` on, whom it is on now, stands where it was asked for; `body` is its Device."""

    key: int
    id: str
    name: str
    profile: str
    registered_at: datetime
    disabled_at: datetime | None
    last_seen_at: datetime | None
    removed_at: datetime | None
    state: Mapping[str, object]
    patient: str | None = None
    body: str | None = None
    has_api_key: bool = False

    @property
    def status(self) -> Literal["active", "disabled", "removed"]:
        """Whether the device may send: only `active` ones."""
        if self.removed_at is not None:
            return "removed"
        return "active" if self.disabled_at is None else "disabled"


async def add(connection: Connection, *, name: str, id: str, profile: str, metrics: str) -> int:
    """The key of a new registered device; raises Conflict when the name is taken."""
    row = await (await connection.execute(_ADD, (name, id, profile, metrics))).fetchone()
    if row is None:
        raise Conflict(
            f"A device named {name!r} is registered already. Choose another name, or rotate its secret."
        )
    key: int = row[0]
    return key


async def lock(connection: Connection, name: str) -> Registration:
    """The device with this name or Device id, locked until the transaction ends; raises NotFound, Gone when removed."""
    row = await _row(connection, _LOCK, name)
    known = Registration(*row)
    if known.removed_at is not None:
        raise Gone(f"The device {name!r} was removed for good. Register it anew under another name.")
    return known


async def find(connection: Connection, name: str) -> Registration:
    """The device with this name or Device id, with its patient and its Device; raises NotFound."""
    return Registration(*await _row(connection, _FIND, name))


async def listed(connection: Connection, *, after: str = "", limit: int | None = None) -> list[Registration]:
    """The registered devices by name, from the one `after`, each with its patient and its Device."""
    return [Registration(*row) async for row in await connection.execute(_LIST, (after, limit))]


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


async def enable(connection: Connection, device: int) -> None:
    """What the device signs with a secret that is still valid is taken again from the commit on."""
    await connection.execute(_ENABLE, (device,))


async def remove(connection: Connection, device: int) -> None:
    """The device is disabled for good and its secrets are gone; its row stays, since readings refer to it."""
    await connection.execute(_DISABLE, (device,))
    await connection.execute(_FORGET, (device,))
    await connection.execute(_REMOVE, (device,))


async def set_metrics(connection: Connection, device: int, metrics: str) -> None:
    """The device has the DeviceMetrics that `metrics` names."""
    await connection.execute(_SET_METRICS, (metrics, device))


async def set_state(connection: Connection, device: int, state: dict[str, object]) -> None:
    """`state` is what the device last said of itself."""
    await connection.execute(_SET_STATE, (Jsonb(state), device))


async def open_use(connection: Connection, device: int, at: datetime) -> str | None:
    """The id of the DeviceUseStatement that assigns the device at `at` without an end."""
    row = await (await connection.execute(_OPEN_USE, {"key": device, "at": at})).fetchone()
    return None if row is None else row[0]


async def _row(connection: Connection, query: LiteralString, name: str) -> TupleRow:
    row = None
    if "\0" not in name:
        row = await (await connection.execute(query, {"name": name})).fetchone()
    if row is None:
        raise NotFound(f"No device named {name[:80]!r} is registered. `fhir-server device list` shows all.")
    return row
