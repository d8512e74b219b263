"""A new version of a resource, or its first under an id that the client chose.

https://hl7.org/fhir/R4/http.html#update
"""

from fhir_server.errors import Conflict, InvalidRequest
from fhir_server.interactions.condition import Condition
from fhir_server.interactions.written import Written
from fhir_server.json import JsonValue
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import Predicate
from fhir_server.store.unit_of_work import Transactions, UnitOfWork


async def update(database: Transactions, draft: Draft, access: Predicate, condition: Condition) -> Written:
    """The next version, or version 1 when there is none yet; a deleted resource comes back under its next number.

    Raises PreconditionFailed when `condition` does not hold, Forbidden when the current version is not the caller's, or
    there is none and they may not choose ids, Conflict when another writer keeps getting in the way.
    """
    try:
        return await _once(database, draft, access, condition)
    except Conflict:
        return await _once(database, draft, access, condition)


async def _once(database: Transactions, draft: Draft, access: Predicate, condition: Condition) -> Written:
    async with database.transaction() as work:
        return await replace(work, draft, access, condition)


async def replace(work: UnitOfWork, draft: Draft, access: Predicate, condition: Condition) -> Written:
    """As `update`, as a part of the transaction `work`."""
    current = await work.lock(draft.type, draft.id, access)
    condition.check_making(current)
    condition.check(current)
    if current is None:
        return Written(await work.create(draft), "created")
    return Written(await work.update(draft, current), "created" if current.deleted else "updated")


def demand_id(type: str, id: str, given: JsonValue) -> None:
    """Nothing; InvalidRequest when the body does not give the id of its address."""
    if given is None:
        raise InvalidRequest(f"The body has no id. Put {id!r} there, as the address says.", f"{type}.id")
    if given != id:
        raise InvalidRequest(
            f"The body's id is {given!r}, the address says {id!r}. Make them the same.", f"{type}.id"
        )
