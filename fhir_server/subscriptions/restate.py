"""The server's own word on a Subscription: its state, said in a new version of the resource and kept in one transaction.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.status
"""

from datetime import datetime
from typing import Final

from fhir_server.audit.port import Audit
from fhir_server.audit.record import Agent, Origin
from fhir_server.audit.trail import Trail
from fhir_server.json import JsonObject, stored
from fhir_server.search.index import index
from fhir_server.store.drafts import Draft
from fhir_server.store.subscriptions import registrations
from fhir_server.store.unit_of_work import Transactions, UnitOfWork
from fhir_server.subscriptions.asked import TYPE
from fhir_server.subscriptions.model import State

MOST_ERROR: Final = 1_000
SERVER: Final = Agent("server")
"""Who turns a Subscription on and off where nobody asks for it, as the audit names them."""


def recorded(database: Transactions, audit: Audit) -> Transactions:
    """Transactions of the server's own, of what is written in which the audit keeps a record."""
    return audit.within(database, Trail(Origin(), SERVER))


async def restated(
    work: UnitOfWork, id: str, state: State, error: str | None = None, *, started_at: datetime | None = None
) -> bool:
    """Whether the Subscription is in `state` now, with `error` as what went wrong last, and its resource says so.

    It is not where it was deleted or turned off meanwhile, or started again after `started_at`, the start that the word is
    about. Locks the resource and then its row in `subscription`: to be called before anything else of it is locked.
    """
    current = await work.lock(TYPE, id)
    known = await registrations.locked(work.connection, id)
    if current is None or current.body is None or known is None or known.state == "off":
        return False
    if started_at is not None and known.started_at != started_at:
        return False
    said = None if error is None else error[:MOST_ERROR]
    if (known.state, known.error) == (state, said):
        return True
    await registrations.set_state(work.connection, id, state, said)
    tree = _told(stored(current.body), state, said)
    await work.update(Draft(TYPE, id, tree, index(TYPE, tree), "PUT"), current)
    return True


def _told(tree: JsonObject, state: State, error: str | None) -> JsonObject:
    told: JsonObject = {name: value for name, value in tree.items() if name not in ("error", "_error")}
    told["status"] = state
    if error is not None:
        told["error"] = error
    return told
