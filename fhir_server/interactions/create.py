"""A new resource under an id that the server makes.

https://hl7.org/fhir/R4/http.html#create
"""

from fhir_server.audit.record import Record
from fhir_server.interactions.written import Written
from fhir_server.store.drafts import Draft
from fhir_server.store.gather import Gather
from fhir_server.store.unit_of_work import Transactions


async def create(gather: Gather, draft: Draft, record: Record | None = None) -> Written:
    """Version 1 of `draft` with its `record`, committed together with others that come at the same time.

    Raises Unavailable or Conflict.
    """
    return Written(await gather.create(draft, record), "created")


async def create_alone(database: Transactions, draft: Draft) -> Written:
    """Version 1 of `draft` in a transaction of its own, which is held to a rule that others need not meet."""
    async with database.transaction() as work:
        return Written(await work.create(draft), "created")
