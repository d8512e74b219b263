"""The writes of a Bundle that stand or fail each for itself, though written together.

https://hl7.org/fhir/R4/http.html#brules
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from fhir_server.errors import RequestError, TooCostly, Unavailable
from fhir_server.interactions import conditional
from fhir_server.interactions.bundle.change import Change, Outcome, placed
from fhir_server.interactions.bundle.transaction import tried
from fhir_server.search.access import Access
from fhir_server.store.database import Database
from fhir_server.store.devices import assignments
from fhir_server.store.unit_of_work import Transactions, UnitOfWork


async def batch(
    database: Database, transactions: Transactions, changes: Sequence[Change], access: Access, base_url: str
) -> dict[int, Outcome]:
    """What came of each change by entry number, failures included; raises Unavailable when nothing can be said of any."""
    outcomes = dict[int, Outcome]()
    for group in _groups(changes):
        outcomes |= await _together(database, transactions, group, access, base_url)
    return outcomes


async def _together(
    database: Database, transactions: Transactions, changes: Sequence[Change], access: Access, base_url: str
) -> dict[int, Outcome]:
    """What came of them in one transaction; when that fails, of each half in one, so that one bad entry fails nobody else."""
    try:
        return await tried(database, transactions, changes, access, base_url, _nothing_more, together=False)
    except (Unavailable, TooCostly):
        raise
    except Exception as error:  # noqa: BLE001 - whichever entry it was, it alone is to get the error
        if len(changes) == 1:
            return {changes[0].number: _told(changes[0], error)}
    middle = len(changes) // 2
    first = await _together(database, transactions, changes[:middle], access, base_url)
    return first | await _together(database, transactions, changes[middle:], access, base_url)


def _groups(changes: Sequence[Change]) -> list[list[Change]]:
    """Those that may be written together, in processing order; those about the same resource, one after the other."""
    groups = defaultdict[int, list[Change]](list)
    seen = defaultdict[Hashable, int](int)
    alone = [change for change in changes if change.type == assignments.TYPE]
    for change in changes:
        if change.type != assignments.TYPE:
            group = 0
            for about in _about(change):
                group = seen[about]
                seen[about] += 1
            groups[group].append(change)
    return [*(groups[number] for number in sorted(groups)), *([change] for change in alone)]


def _about(change: Change) -> list[Hashable]:
    """What tells that two changes are about the same resource: its id, or the condition that finds it."""
    if change.query is not None:
        return [conditional.key(change.type, change.query)]
    return [] if change.id is None else [(change.type, change.id)]


def _told(change: Change, error: Exception) -> Exception:
    if not isinstance(error, RequestError):
        return error
    return placed(error, change.number, change.label, change.type)


async def _nothing_more(_: UnitOfWork) -> None:
    """The reads of a batch are none of its transactions' affair."""
