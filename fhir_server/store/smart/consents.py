"""What people agreed to, and what apps may do for them, in the database.

https://openid.net/specs/openid-connect-core-1_0.html#Consent
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fhir_server.store.database import Database

_AGREED: Final = "SELECT scopes FROM app_consent WHERE account = %s AND client = %s AND patient = %s"
_AGREE: Final = """
INSERT INTO app_consent (account, client, patient, scopes, agreed_at) VALUES (%s, %s, %s, %s, clock_timestamp())
ON CONFLICT (account, client, patient) DO UPDATE SET scopes = excluded.scopes, agreed_at = excluded.agreed_at"""

_LIVE: Final = """
  g.revoked_at IS NULL
  AND (g.session IS NULL OR EXISTS (SELECT FROM login_session s WHERE s.id = g.session AND s.ends_at > clock_timestamp()))
  AND (EXISTS (SELECT FROM oauth_access t WHERE t.grant_id = g.id AND t.expires_at > clock_timestamp())
       OR EXISTS (SELECT FROM oauth_once o WHERE o.grant_id = g.id AND o.spent_at IS NULL AND o.expires_at > clock_timestamp()))"""
_PERMITTED: Final = f"""
SELECT client, c.name, patient, array_agg(DISTINCT each), min(since), max(used)
  FROM (SELECT g.client, g.patient, g.scopes, g.granted_at AS since, g.last_used_at AS used
          FROM oauth_grant g WHERE g.user_id = %(user)s AND {_LIVE}
        UNION ALL
        SELECT client, nullif(patient, ''), scopes, agreed_at, NULL FROM app_consent WHERE account = %(user)s) AS said
  JOIN oauth_client c ON c.id = client
 CROSS JOIN LATERAL unnest(said.scopes) AS each
 GROUP BY client, c.name, patient ORDER BY c.name, client, patient"""
_REVOKE: Final = """
WITH forgotten AS (DELETE FROM app_consent WHERE account = %(user)s AND client = %(client)s)
UPDATE oauth_grant SET revoked_at = clock_timestamp()
 WHERE user_id = %(user)s AND client = %(client)s AND revoked_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Permitted:
    """What an app may do for a person, about one patient if there is one, now or when it asks again."""

    client: str
    name: str
    patient: str | None
    scopes: tuple[str, ...]
    since: datetime
    last_used: datetime | None


class Consents:
    """What people agreed to that apps may do."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def agreed(self, user: str, client: str, patient: str | None) -> frozenset[str]:
        """The scopes that the user granted the app about this patient, none if nothing is remembered."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_AGREED, (user, client, patient or ""))).fetchone()
        return frozenset() if row is None else frozenset(row[0])

    async def agree(self, user: str, client: str, patient: str | None, scopes: Collection[str]) -> None:
        """Remembers these, and not those before."""
        async with self._database.connection() as connection:
            await connection.execute(_AGREE, (user, client, patient or "", list(scopes)))

    async def permitted(self, user: str) -> list[Permitted]:
        """What apps may do for the user, by the names of the apps."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_PERMITTED, {"user": user})
            return [
                Permitted(client, name, patient, tuple(scopes), since, last_used)
                async for client, name, patient, scopes, since, last_used in cursor
            ]

    async def revoke(self, user: str, client: str) -> None:
        """Nothing; from the next request on the app may do nothing for the user, and is to ask again."""
        async with self._database.connection() as connection:
            await connection.execute(_REVOKE, {"user": user, "client": client})
