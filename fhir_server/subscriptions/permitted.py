"""What owners of subscriptions may see of what happened: nothing else becomes an event of theirs.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

from collections.abc import Sequence
from typing import Protocol

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import Forbidden
from fhir_server.search import access
from fhir_server.search.params.sql import conjunction
from fhir_server.store.images import meeting
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.subscriptions.happened import Happened
from fhir_server.subscriptions.known import Served
from smart_auth.principal import Principal


class Standings(Protocol):
    """Tells who the owners of subscriptions are now."""

    async def of(
        self, connection: psycopg.AsyncConnection[TupleRow], owners: Sequence[Principal]
    ) -> list[Principal | None]:
        """For each of `owners`, as they were when they asked, who they are now; None for one who may nothing any more."""
        ...


async def permitted(
    connection: psycopg.AsyncConnection[TupleRow],
    told: Sequence[tuple[Served, Happened]],
    standings: Standings,
) -> list[tuple[Served, Happened]]:
    """Those of `told` who may read and search what happened to what, by its content; in one statement for all with equal rights."""
    owners = list(dict.fromkeys(served.owner for served, _ in told))
    now = dict(zip(owners, await standings.of(connection, owners), strict=True)) if owners else {}
    rights = dict[tuple[Principal, str], Predicate | None]()
    asked = dict[str, tuple[Predicate, dict[int, Happened]]]()
    for served, happened in told:
        key = served.owner, happened.type
        if key not in rights:
            rights[key] = _seen(now[served.owner], happened.type)
        predicate = rights[key]
        if predicate is not None:
            asked.setdefault(repr(predicate), (predicate, {}))[1][id(happened)] = happened
    seen = {name: await _shown(connection, *one) for name, one in asked.items()}
    return [
        (served, happened)
        for served, happened in told
        if (predicate := rights[served.owner, happened.type]) is not None
        and id(happened) in seen[repr(predicate)]
    ]


def _seen(owner: Principal | None, type: str) -> Predicate | None:
    """What of the type the owner may read and search; None for nothing, whatever is stored."""
    if owner is None:
        return None
    try:
        both = [access.predicate(owner, type, interaction) for interaction in ("read", "search")]
    except Forbidden:
        return None
    return both[0] if both[0] == both[1] else conjunction(both)


async def _shown(
    connection: psycopg.AsyncConnection[TupleRow], predicate: Predicate, happened: dict[int, Happened]
) -> set[int]:
    """The keys of what the predicate shows."""
    keys = list(happened)
    if predicate == EVERYTHING:
        return set(keys)
    images = [one.image for one in happened.values()]
    return {keys[place] for place in await meeting(connection, images, predicate)}
