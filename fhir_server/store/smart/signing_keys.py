"""The keys that this server signs with: made when first needed, changed without any moment at which signatures do not hold.

https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys

The private parts are encrypted under a key derived from the master key, each bound to its id.
"""

import asyncio
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from joserfc.jwk import ECKey, RSAKey
from psycopg.types.json import Jsonb

from fhir_server.errors import Unavailable
from fhir_server.keys import Box, MasterKey
from fhir_server.store.database import Connection, Database
from smart_auth.ports import SigningKey

ALGORITHMS: Final = MappingProxyType({"RS256": "RSA", "ES384": "EC"})
PUBLISHED_FOR: Final = timedelta(hours=2)
"""How long the public part of a key is told after its last signature: longer than what it signed holds."""

_KEYS: Final = """
SELECT kid, algorithm, public, sealed, retired_at IS NOT NULL FROM oauth_key
 WHERE retired_at IS NULL OR retired_at > clock_timestamp() - %s
 ORDER BY retired_at IS NOT NULL, made_at DESC"""
_ADD: Final = """
INSERT INTO oauth_key (kid, algorithm, public, sealed, made_at) VALUES (%s, %s, %s, %s, clock_timestamp())
ON CONFLICT DO NOTHING"""
_RETIRE: Final = """
UPDATE oauth_key SET retired_at = clock_timestamp() WHERE algorithm = %s AND retired_at IS NULL"""
_SWEEP: Final = "DELETE FROM oauth_key WHERE retired_at < clock_timestamp() - %s"


_log = structlog.get_logger(__name__)


class SigningKeys:
    """Implements `smart_auth.ports.SigningKeys`."""

    __slots__ = ("_box", "_database")

    def __init__(self, database: Database, master_key: MasterKey) -> None:
        self._database = database
        self._box = Box(master_key, "signing-keys")

    async def keys(self) -> Sequence[SigningKey]:
        """Every key whose signatures may still be checked, those that sign first; one for each algorithm is made if need be.

        Raises Unavailable when they were sealed under another master key, which only the operator can put right.
        """
        found = await self._kept()
        missing = [
            name for name in ALGORITHMS if not any(key.algorithm == name and key.private for key in found)
        ]
        if not missing:
            return found
        for algorithm in missing:
            made = await self._made(algorithm)
            async with self._database.connection() as connection:
                await connection.execute(_ADD, made)
        return await self._kept()

    async def rotate(self, algorithm: str) -> str:
        """The id of a new key, which signs from now on; what the one before it signed can be checked for as long as it holds."""
        made = await self._made(algorithm)
        async with self._database.connection() as connection, connection.transaction():
            await self._replace(connection, algorithm, made)
        return str(made[0])

    async def _replace(self, connection: Connection, algorithm: str, made: tuple[object, ...]) -> None:
        await connection.execute("LOCK TABLE oauth_key IN SHARE ROW EXCLUSIVE MODE")
        await connection.execute(_RETIRE, (algorithm,))
        await connection.execute(_ADD, made)
        await connection.execute(_SWEEP, (PUBLISHED_FOR,))

    async def _kept(self) -> list[SigningKey]:
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_KEYS, (PUBLISHED_FOR,))).fetchall()
        return [
            SigningKey(kid, algorithm, public, None if retired else self._opened(kid, sealed))
            for kid, algorithm, public, sealed, retired in rows
        ]

    async def _made(self, algorithm: str) -> tuple[object, ...]:
        """A new key as a row; making one takes a moment of work, which is done beside the loop."""
        kid = secrets.token_urlsafe(12)
        public, private = await asyncio.to_thread(_pair, kid, algorithm)
        return kid, algorithm, Jsonb(public), self._sealed(kid, private)

    def _sealed(self, kid: str, private: dict[str, object]) -> bytes:
        return self._box.close(json.dumps(private).encode(), kid.encode())

    def _opened(self, kid: str, sealed: bytes) -> dict[str, object]:
        try:
            opened = self._box.open(sealed, kid.encode())
        except InvalidTag as error:
            _log.error("signing keys unreadable")
            raise Unavailable(
                "The signing keys cannot be decrypted. The operator must restore the master key that they were made under, "
                "or make new ones."
            ) from error
        private: dict[str, object] = json.loads(opened)
        return private


def _pair(kid: str, algorithm: str) -> tuple[dict[str, object], dict[str, object]]:
    """The public and the private JWK of a new key."""
    parameters = {"kid": kid, "use": "sig", "alg": algorithm}
    key: RSAKey | ECKey
    if ALGORITHMS[algorithm] == "RSA":
        key = RSAKey.generate_key(2048, parameters, private=True)  # type: ignore[arg-type]  # members of a JWK
    else:
        key = ECKey.generate_key("P-384", parameters, private=True)  # type: ignore[arg-type]
    return dict(key.as_dict(private=False)), dict(key.as_dict(private=True))
