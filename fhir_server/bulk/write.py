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
from fhir_server.store.blobs.pointer import BINARY, refuse
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.locks import Locked
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.replace import Replacement
from fhir_server.subscriptions.registrar import Registrar
from fhir_server.validation.structure import check
from smart_auth.principal import EVERY_SCOPE, Principal

Outcome = Literal["created", "updated", "unchanged"]

_RACES: Final = 5
_AUDIT: Final = "AuditEvent"
_STAMPS: Final = frozenset({"versionId", "lastUpdated"})
_OPERATOR: Final = Principal("operator", EVERY_SCOPE, administrator=True, auditor=True)
"""Whose the Subscriptions are that files bring."""


def prepared(tree: JsonObject) -> Draft:
    """The draft of a resource that brings its id; raises InvalidResource with every issue found."""
    type, id = tree.get("resourceType"), tree.get("id")
    if not isinstance(type, str):
        raise InvalidResource("resourceType is missing. Every resource names its type.", "resourceType")
    if type == _AUDIT:
        raise InvalidResource("AuditEvents are made by the server alone. Leave them out.", "resourceType")
    if type == BINARY:
        refuse(tree)
    check(type, dumps(tree))
    return writing.draft(type, tree, id=str(id), method="PUT")


async def write(database: Database, drafts: Sequence[Draft], registrar: Registrar) -> Counter[Outcome]:
    """How many were created, updated and unchanged, after their commit; no two may have the same type and id.

    Raises Conflict when others keep writing the same resources, NotRunnable for a Subscription that cannot be run, and
    Unavailable.
    """
    ordered = sorted(await database.set_aside(drafts), key=lambda draft: (draft.type, draft.id))
    for _ in range(_RACES - 1):
        try:
            return await _written(database, ordered, registrar)
        except Conflict:
            continue
    return await _written(database, ordered, registrar)


async def _written(database: Database, ordered: Sequence[Draft], registrar: Registrar) -> Counter[Outcome]:
    await database.number(ordered)
    async with database.transaction() as work:
        current = await work.lock_all(
            dict.fromkeys(((draft.type, draft.id) for draft in ordered), EVERYTHING)
        )
        there = [(current.get((draft.type, draft.id)), draft) for draft in ordered]
        new = [draft for known, draft in there if known is None]
        if new and None in await work.create_all(new):
            raise Conflict("Another writer makes the same resources. Load again when it is done.")
        changed = [Replacement(known, draft) for known, draft in there if known and _differs(known, draft)]
        await work.replace_all(changed)
        await registrar.take_on(work, _OPERATOR)
    unchanged = len(ordered) - len(new) - len(changed)
    return Counter({"created": len(new), "updated": len(changed), "unchanged": unchanged})


def _differs(current: Locked, draft: Draft) -> bool:
    return current.body is None or not same(_content(stored(current.body)), _content(draft.tree))


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
