"""Everything that is sealed under the master key before, sealed anew under the present one, while the server goes on.

docs/adr/0022-master-key-rotation.md

Each piece is changed only where it is still what was read, and one that is under the present key is left alone: a run that
was cut short is simply run again.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag

from fhir_server.keys import Box, MasterKey
from fhir_server.store.audit.sealing import vouch
from fhir_server.store.database import Database
from fhir_server.store.devices.seal import Seal, SecretUnreadable

TOGETHER: Final = 500

_SECRETS: Final = """
SELECT s.device, s.key_id, d.id, s.sealed FROM device_secret s JOIN device d ON d.key = s.device
 WHERE (s.device, s.key_id) > (%s, %s) ORDER BY s.device, s.key_id LIMIT %s"""
_RENEW_OF_DEVICE: Final = (
    "UPDATE device_secret SET sealed = %s WHERE device = %s AND key_id = %s AND sealed = %s"
)
_KEYS: Final = "SELECT kid, sealed FROM oauth_key"
_HEADERS: Final = """
SELECT key, id, headers FROM subscription WHERE key > %s AND headers IS NOT NULL ORDER BY key LIMIT %s"""
_RENEW_HEADERS: Final = "UPDATE subscription SET headers = %s WHERE key = %s AND headers = %s"
_RENEW_KEY: Final = "UPDATE oauth_key SET sealed = %s WHERE kid = %s AND sealed = %s"


@dataclass(slots=True)
class Resealed:
    """How much was sealed anew, and what opens under neither key."""

    device_secrets: int = 0
    signing_keys: int = 0
    subscription_headers: int = 0
    unreadable: list[str] = field(default_factory=list)


async def reseal(database: Database, key: MasterKey) -> Resealed:
    """What was sealed anew; the end of the audit's chain is under the present key, too."""
    done = Resealed()
    await _secrets(database, Seal(key), done)
    await _keys(database, Box(key, "signing-keys"), done)
    await _headers(database, Box(key, "subscription-headers"), done)
    if key.previous is not None:
        doubtful = await vouch(database, key.derive("audit"), key.previous.derive("audit"))
        done.unreadable += [
            f"Seal {number} of the audit is under neither master key. See `fhir-server audit verify`."
            for number in doubtful
        ]
    return done


async def _secrets(database: Database, seal: Seal, done: Resealed) -> None:
    device, key_id = 0, 0
    while True:
        async with database.connection() as connection:
            rows = await (await connection.execute(_SECRETS, (device, key_id, TOGETHER))).fetchall()
            for device, key_id, id, sealed in rows:
                try:
                    renewed = seal.renewed(sealed, id, key_id)
                except SecretUnreadable as error:
                    done.unreadable.append(str(error))
                    continue
                if renewed is not None:
                    await connection.execute(_RENEW_OF_DEVICE, (renewed, device, key_id, sealed))
                    done.device_secrets += 1
        if len(rows) < TOGETHER:
            return


async def _keys(database: Database, box: Box, done: Resealed) -> None:
    async with database.connection() as connection:
        for kid, sealed in await (await connection.execute(_KEYS)).fetchall():
            try:
                renewed = box.renewed(sealed, kid.encode())
            except InvalidTag:
                done.unreadable.append(
                    f"The signing key {kid} cannot be decrypted. Make a new one with `fhir-server key rotate`."
                )
                continue
            if renewed is not None:
                await connection.execute(_RENEW_KEY, (renewed, kid, sealed))
                done.signing_keys += 1


async def _headers(database: Database, box: Box, done: Resealed) -> None:
    key = 0
    while True:
        async with database.connection() as connection:
            rows = await (await connection.execute(_HEADERS, (key, TOGETHER))).fetchall()
            for key, id, sealed in rows:
                try:
                    renewed = box.renewed(sealed, id.encode())
                except InvalidTag:
                    done.unreadable.append(
                        f"The headers of Subscription/{id} cannot be decrypted. Have them sent anew."
                    )
                    continue
                if renewed is not None:
                    await connection.execute(_RENEW_HEADERS, (renewed, key, sealed))
                    done.subscription_headers += 1
        if len(rows) < TOGETHER:
            return
