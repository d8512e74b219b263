"""The assertions that clients used to prove themselves, so that none is used twice, whichever worker it comes to.

https://www.rfc-editor.org/rfc/rfc7523#section-3
"""

from datetime import datetime
from typing import Final

from fhir_server.store.database import Database
from smart_auth.tokens import sha256

_FIRST: Final = """
WITH swept AS (DELETE FROM oauth_assertion WHERE (client, jti_sha256) IN (
  SELECT client, jti_sha256 FROM oauth_assertion WHERE expires_at < %(now)s LIMIT 20 FOR UPDATE SKIP LOCKED))
INSERT INTO oauth_assertion (client, jti_sha256, expires_at) VALUES (%(client)s, %(jti)s, %(until)s)
ON CONFLICT DO NOTHING RETURNING 1"""


class Assertions:
    """Implements `smart_auth.ports.Replays`."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first(self, client: str, jti: str, until: datetime, now: datetime) -> bool:
        """Whether this is the first use of `jti` by the client, which is remembered `until` then."""
        said = {"client": client, "jti": sha256(jti), "until": until, "now": now}
        async with self._database.connection() as connection:
            return await (await connection.execute(_FIRST, said)).fetchone() is not None
