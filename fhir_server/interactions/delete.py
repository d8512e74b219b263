"""The end of a resource; its versions stay in the history.

https://hl7.org/fhir/R4/http.html#delete
"""

from fhir_server.interactions.condition import Condition
from fhir_server.store.locks import Locked
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version
from fhir_server.store.unit_of_work import Transactions, UnitOfWork


async def delete(
    database: Transactions, type: str, id: str, access: Predicate, condition: Condition
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
    current = to_end(await work.lock(type, id, access), condition)
    if current is None:
        return None
    return current.as_version if current.deleted else await work.delete(current)


def to_end(current: Locked | None, condition: Condition) -> Locked | None:
    """What is there to be deleted, which may be a deletion; None for nothing that the caller may see.

    Raises PreconditionFailed when `condition` does not hold.
    """
    visible = current if current is not None and current.visible else None
    condition.check(visible)
    return visible
