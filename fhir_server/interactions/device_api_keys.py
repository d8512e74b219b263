"""API keys of registered devices, for those that cannot sign: made, renewed, revoked.

docs/adr/0015-api-keys-of-devices.md
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from fhir_server.store.database import Database
from fhir_server.store.devices import api_keys, registration
from ingest.api_key import new_key

_NOT_TAKEN: Final = "This server takes no API keys. Set FHIR_DEVICE_API_KEYS=true."
_DISABLED: Final = "The device is disabled: nothing it sends is taken."


@dataclass(frozen=True, slots=True)
class Keyed:
    """A device with a new API key, which is shown this once and never again."""

    name: str
    device: str
    api_key: str = field(repr=False)
    warnings: tuple[str, ...] = ()


async def renew(database: Database, *, name: str, overlap: timedelta, taken: bool) -> Keyed:
    """The device with a new key; the one before, if any, is good for `overlap` more.

    Warns when keys are not `taken` by this server, or nothing of this device is. Raises NotFound, Gone when removed.
    """
    key = new_key()
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        await api_keys.replace(work.connection, known.key, key, overlap)
    said = (_NOT_TAKEN if not taken else None, _DISABLED if known.disabled_at is not None else None)
    return Keyed(known.name, f"Device/{known.id}", key.text, tuple(each for each in said if each))


async def revoke(database: Database, *, name: str) -> int:
    """How many keys the device had, all of which end now; it may still sign. Raises NotFound, Gone when removed."""
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        return await api_keys.forget(work.connection, known.key)
