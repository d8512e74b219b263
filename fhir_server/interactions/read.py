"""The current version of a resource.

https://hl7.org/fhir/R4/http.html#read
"""

from fhir_server.errors import Gone, NotFound
from fhir_server.interactions.versions_shown import Sight
from fhir_server.store.database import Database
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version


async def read(database: Database, type: str, id: str, access: Predicate, *, base_url: str = "") -> Version:
    """The current version; raises NotFound when there is none that the caller may see, Gone when it was deleted."""
    found = await _found(database, Sight(access, base_url), type, id)
    if found is None:
        raise NotFound(f"{type}/{id} does not exist here. Search for it, or check the id.")
    if found.deleted:
        raise Gone(
            f"{type}/{id} was deleted. Its versions are at {type}/{id}/_history.", version=found.version
        )
    return found


async def _found(database: Database, sight: Sight, type: str, id: str) -> Version | None:
    if sight.whole:
        return await database.current(type, id)
    async with database.connection() as connection:
        return await sight.current(connection, type, id)
