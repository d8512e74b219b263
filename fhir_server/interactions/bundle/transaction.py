"""All writes of a Bundle, or none.

https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from fhir_server.errors import Conflict
from fhir_server.interactions.bundle.attempt import Attempt, Then
from fhir_server.interactions.bundle.change import Change, Outcome
from fhir_server.interactions.integrity import InUse
from fhir_server.search.access import Access
from fhir_server.store.database import Database
from fhir_server.store.unit_of_work import Transactions

TRIES: Final = 5
_PAUSE: Final = 0.02  # seconds, doubled each time


async def transaction(
    database: Database,
    transactions: Transactions,
    changes: Sequence[Change],
    access: Access,
    base_url: str,
    then: Then,
) -> dict[int, Outcome]:
    """What came of each change by entry number; `then` is done in the same transaction, after all writes.

    Raises the first failing entry's error with the issues of all, or Conflict when others keep getting in the way.
    """
    return await tried(database, transactions, changes, access, base_url, then, together=True)


async def tried(
    database: Database,
    transactions: Transactions,
    changes: Sequence[Change],
    access: Access,
    base_url: str,
    then: Then,
    *,
    together: bool,
) -> dict[int, Outcome]:
    """As `transaction`; those that do not fail `together` leave out what failed and say so."""
    for number in range(TRIES):
        attempt = Attempt(changes, access, base_url, together=together)
        await attempt.prepare(database)
        try:
            return await attempt.write(transactions, then)
        except InUse:
            raise
        except Conflict:
            if number == TRIES - 1:
                raise
        await asyncio.sleep(random.uniform(0, _PAUSE * 2**number))  # noqa: S311 - spreads those who collided
    raise AssertionError("the last try returns or raises")
