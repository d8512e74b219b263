"""What of written resources may be told in the answer: to write something is not to read it.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from collections import defaultdict
from collections.abc import Iterable

from fhir_server.errors import Forbidden
from fhir_server.rest.call import Call
from fhir_server.search.access import predicate
from fhir_server.store.images import outside
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.rows import Key, Version


async def readable(call: Call, versions: Iterable[Version]) -> frozenset[Key]:
    """The type and id of those that the caller may read as they are now."""
    by_type = defaultdict[str, set[Key]](set)
    for one in versions:
        by_type[one.type].add((one.type, one.id))
    found = set[Key]()
    for type, keys in by_type.items():
        found |= await _readable(call, type, keys)
    return frozenset(found)


def tells(call: Call) -> bool:
    """Whether a refusal may tell of the version that is there: where whatever is written may be read too."""
    try:
        read = predicate(call.principal, call.target.type, "read")
    except Forbidden:
        return False
    return read in (EVERYTHING, call.access)


async def _readable(call: Call, type: str, keys: set[Key]) -> set[Key]:
    try:
        access = predicate(call.principal, type, "read")
    except Forbidden:
        return set()
    if access == EVERYTHING:
        return keys
    async with call.house.database.connection() as connection:
        return keys.difference(await outside(connection, keys, access))
