"""Which current resources each of several predicates shows, asked in one statement.

https://www.hl7.org/fhir/R4/security.html#authorization
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import texts
from fhir_server.store.predicate import Predicate

AT_ONCE: Final = 50
"""Predicates in a statement: each is planned by itself."""

_SHOWN: Final = """
SELECT {place}, r.id, r.version FROM resource r
 WHERE r.type = {type} AND r.id = ANY(%b) AND NOT r.deleted AND ({access})"""


class Asked(NamedTuple):
    """The resources of a type by their ids, and the predicate that is to show them."""

    type: str
    ids: Collection[str]
    access: Predicate


async def showing(connection: psycopg.AsyncConnection, asked: Sequence[Asked]) -> list[dict[str, int]]:
    """Of each of `asked`, the ids of what is there and shown, with the number of the current version."""
    found = [dict[str, int]() for _ in asked]
    sought = [(place, one) for place, one in enumerate(asked) if one.ids]
    for start in range(0, len(sought), AT_ONCE):
        few = sought[start : start + AT_ONCE]
        sql = " UNION ALL ".join(
            _SHOWN.format(place=place, type=RESOURCE_TYPES[one.type], access=one.access.sql)
            for place, one in few
        )
        parameters: list[object] = []
        for _, one in few:
            parameters += (texts([id.encode() for id in one.ids]), *one.access.params)
        cursor = await connection.execute(sql, parameters, prepare=False)
        for place, id, version in await cursor.fetchall():
            found[place][id] = version
    return found
