"""What apps asked of people who have yet to decide, in the database.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from typing import Final

from psycopg.types.json import Jsonb

from fhir_server.ids import uuid7
from fhir_server.store.database import Database
from smart_auth.deciding import DECIDE_WITHIN, Asked, Pairs

_ADD: Final = """
WITH swept AS (DELETE FROM app_request WHERE ends_at < clock_timestamp())
INSERT INTO app_request (id, session, parameters, ends_at) VALUES (%s, %s, %s, clock_timestamp() + %s)"""
_FIND: Final = """
SELECT parameters, patient, encounter, encounter_chosen FROM app_request
 WHERE id = %s AND session = %s AND ends_at > clock_timestamp()"""
_CHOOSE_PATIENT: Final = """
UPDATE app_request SET patient = %s, encounter = NULL, encounter_chosen = false WHERE id = %s AND session = %s"""
_CHOOSE_ENCOUNTER: Final = """
UPDATE app_request SET encounter = %s, encounter_chosen = true WHERE id = %s AND session = %s"""
_TAKE: Final = (
    "DELETE FROM app_request WHERE id = %s AND session = %s AND ends_at > clock_timestamp() RETURNING id"
)


class AppRequests:
    """What people have yet to decide, each for the session it was asked in."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: str, parameters: Pairs) -> Asked:
        """What an app asks in this session."""
        id = uuid7()
        async with self._database.connection() as connection:
            await connection.execute(_ADD, (id, session, Jsonb(parameters), DECIDE_WITHIN))
        return Asked(id, parameters)

    async def find(self, id: str, session: str) -> Asked | None:
        """What was asked in this session and is still to be decided."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_FIND, (id, session))).fetchone()
        if row is None:
            return None
        parameters, patient, encounter, encounter_chosen = row
        return Asked(
            id, tuple((name, value) for name, value in parameters), patient, encounter, encounter_chosen
        )

    async def choose_patient(self, id: str, session: str, patient: str) -> None:
        """Keeps whom the app is to be about."""
        async with self._database.connection() as connection:
            await connection.execute(_CHOOSE_PATIENT, (patient, id, session))

    async def choose_encounter(self, id: str, session: str, encounter: str | None) -> None:
        """Keeps which encounter it is to be about, or that it is none."""
        async with self._database.connection() as connection:
            await connection.execute(_CHOOSE_ENCOUNTER, (encounter, id, session))

    async def take(self, id: str, session: str) -> bool:
        """Whether it was still to be decided; it is no longer."""
        async with self._database.connection() as connection:
            return await (await connection.execute(_TAKE, (id, session))).fetchone() is not None
