"""Whose records people may see, as access itself decides it.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token
"""

from fhir_server.search.access import predicate
from fhir_server.store import resources
from fhir_server.store.database import Database
from smart_auth.person import Person
from smart_auth.principal import CareOf, Everything, Patients, Principal
from smart_auth.users import Practitioners, reach

_READING = frozenset({"user/Patient.r"})


class CareHere:
    """Implements `smart_auth.ports.Care`; `practitioners` see everyone, or their own patients."""

    __slots__ = ("_database", "_practitioners")

    def __init__(self, database: Database, practitioners: Practitioners) -> None:
        self._database = database
        self._practitioners = practitioners

    async def sees(self, person: Person, patient: str) -> bool:
        """Whether the person may see the record of the Patient with this id, at this moment."""
        whom = reach(person.role, person.fhir_user, person.proxies, person.organizations, self._practitioners)
        match whom:
            case None:
                return False
            case Everything():
                return True
            case Patients(ids):
                return patient in ids
            case CareOf():
                caller = Principal(f"user:{person.id}", _READING, user=person.id, reach=whom)
                async with self._database.connection() as connection:
                    access = predicate(caller, "Patient", "read")
                    return await resources.read(connection, "Patient", patient, access) is not None
