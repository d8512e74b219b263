"""Many resources in one transaction: created, updated, or left alone where nothing changed.

https://hl7.org/fhir/R4/http.html#update
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import jiter

from fhir_server.errors import Conflict, InvalidResource
from fhir_server.interactions import write as writing
from fhir_server.json import JsonObject, JsonValue, decimal, dumps, stored
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.known import lock_known
from fhir_server.store.unit_of_work import UnitOfWork
from fhir_server.validation.structure import check

Outcome = Literal["created", "updated", "unchanged"]

_RACES: Final = 5
_STAMPS: Final = frozenset({"versionId", "lastUpdated"})


def prepared(tree: JsonObject) -> Draft:
    """The draft of a resource that brings its id; raises InvalidResource with every issue found."""
    type, id = tree.get("resourceType"), tree.get("id")
    if not isinstance(type, str):
        raise InvalidResource("resourceType is missing. Every resource names its type.", "resourceType")
    check(type, dumps(tree))
    return writing.draft(type, tree, id=str(id), method="PUT")


async def write(database: Database, drafts: Sequence[Draft]) -> Counter[Outcome]:
    """How many were created, updated and unchanged, after their commit; no two may have the same type and id.

    Raises Conflict when others keep writing the same resources, and Unavailable.
    """
    ordered = sorted(drafts, key=lambda draft: (draft.type, draft.id))
    for _ in range(_RACES - 1):
        try:
            return await _written(database, ordered)
        except Conflict:
            continue
    return await _written(database, ordered)


async def _written(database: Database, ordered: Sequence[Draft]) -> Counter[Outcome]:
    async with database.transaction() as work:
        known = await lock_known(work.connection, [(draft.type, draft.id) for draft in ordered])
        new = [draft for draft in ordered if (draft.type, draft.id) not in known]
        if new and None in await work.create_all(new):
            raise Conflict("Another writer makes the same resources. Load again when it is done.")
        counts: Counter[Outcome] = Counter({"created": len(new)})
        for draft in ordered:
            if (draft.type, draft.id) in known:
                counts[await _updated(work, draft)] += 1
    return counts


async def _updated(work: UnitOfWork, draft: Draft) -> Outcome:
    current = await work.lock(draft.type, draft.id)
    if current is None:
        raise Conflict(f"{draft.type}/{draft.id} has gone meanwhile. Load again.")
    if current.body is not None and same(_content(stored(current.body)), _content(draft.tree)):
        return "unchanged"
    await work.update(draft, current)
    return "updated"


def same(one: JsonValue, other: JsonValue) -> bool:
    """Whether two trees are equal, to the last decimal and whatever the order of their members."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case (bool(), _) | (_, bool()):
            return one is other
        case ((int() | jiter.LosslessFloat()), (int() | jiter.LosslessFloat())):
            left, right = decimal(one), decimal(other)
            return left == right and _scale(left.as_tuple().exponent) == _scale(right.as_tuple().exponent)
        case _:
            return one == other


def _scale(exponent: int | str) -> int:
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _content(tree: JsonObject) -> JsonObject:
    """`tree` without what the server stamps."""
    meta = tree.get("meta")
    kept = (
        {name: value for name, value in meta.items() if name not in _STAMPS} if isinstance(meta, dict) else {}
    )
    rest = {name: value for name, value in tree.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest
