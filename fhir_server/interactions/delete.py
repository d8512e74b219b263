"""The end of a resource; its versions stay in the history.

https://hl7.org/fhir/R4/http.html#delete
"""

from fhir_server.interactions.condition import Condition
from fhir_server.store.database import Database
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version
from fhir_server.store.unit_of_work import UnitOfWork


async def delete(
    database: Database, type: str, id: str, access: Predicate, condition: Condition
) -> Version | None:
    """The deletion, also when it was deleted before; None when nothing is there that the caller may see.

    Raises PreconditionFailed when `condition` does not hold.
    """
    async with database.transaction() as work:
        return await end(work, type, id, access, condition)


async def end(
    work: UnitOfWork, type: str, id: str, access: Predicate, condition: Condition
) -> Version | None:
    """As `delete`, as a part of the transaction `work`."""
    current = await work.lock(type, id, access)
    visible = current if current is not None and current.visible else None
    condition.check(visible)
    if visible is None:
        return None
    if visible.deleted:
        return Version(type, id, visible.version, visible.last_updated, visible.method, None)
    return await work.delete(visible)
