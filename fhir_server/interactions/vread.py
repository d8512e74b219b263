"""A numbered version of a resource.

https://hl7.org/fhir/R4/http.html#vread
"""

from fhir_server.errors import Gone, NotFound
from fhir_server.interactions.versions_shown import Sight
from fhir_server.store.database import Database
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version


async def vread(
    database: Database, type: str, id: str, version: int, access: Predicate, *, base_url: str = ""
) -> Version:
    """Version number `version`; raises NotFound when there is none that the caller may see, Gone for the deletion."""
    async with database.connection() as connection:
        found = await Sight(access, base_url).numbered(connection, type, id, version)
    if found is None:
        raise NotFound(
            f"{type}/{id} has no version {version} here. Its versions are at {type}/{id}/_history."
        )
    if found.deleted:
        raise Gone(f"Version {version} of {type}/{id} is its deletion and has no content.", version=version)
    return found
