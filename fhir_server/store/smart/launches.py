"""Launches of apps from within an EHR, in the database: claimed once, spent once.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from typing import Final

from psycopg.types.json import Jsonb

from fhir_server.store.database import Database
from smart_auth.launch import FINISH_WITHIN, VALID_FOR, Launch

_ADD: Final = """
WITH swept AS (DELETE FROM app_launch WHERE ends_at < clock_timestamp() - interval '1 day')
INSERT INTO app_launch (sha256, client, account, patient, encounter, context, ends_at)
VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp() + %s)"""
_CLAIM: Final = """
UPDATE app_launch SET session = %(session)s,
       ends_at = CASE WHEN session IS NULL THEN clock_timestamp() + %(finish)s ELSE ends_at END
 WHERE sha256 = %(sha256)s AND client = %(client)s AND account = %(account)s
   AND (session IS NULL OR session = %(session)s) AND spent_at IS NULL AND ends_at > clock_timestamp()
RETURNING client, account, patient, encounter, context"""
_SPEND: Final = """
UPDATE app_launch SET spent_at = clock_timestamp()
 WHERE sha256 = %s AND session = %s AND spent_at IS NULL AND ends_at > clock_timestamp()"""


class Launches:
    """What EHRs say of the apps that they open."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, sha256: bytes, launch: Launch) -> None:
        """Keeps a launch for as long as a handle is valid."""
        said = (launch.client, launch.user, launch.patient, launch.encounter, Jsonb(dict(launch.context)))
        async with self._database.connection() as connection:
            await connection.execute(_ADD, (sha256, *said, VALID_FOR))

    async def claim(self, sha256: bytes, client: str, user: str, session: str) -> Launch | None:
        """The launch, which belongs to this session from now on; None unless it is that client's and that user's, and unspent."""
        said = {
            "sha256": sha256,
            "client": client,
            "account": user,
            "session": session,
            "finish": FINISH_WITHIN,
        }
        async with self._database.connection() as connection:
            row = await (await connection.execute(_CLAIM, said)).fetchone()
        return None if row is None else Launch(*row)

    async def spend(self, sha256: bytes, session: str) -> bool:
        """Whether the launch, which this session claimed, was spent by this very call; it cannot be again."""
        async with self._database.connection() as connection:
            return (await connection.execute(_SPEND, (sha256, session))).rowcount == 1
