"""What references name: whether it is there, and what refers to it.

https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import bigints, smallints, texts
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Key

_TYPES: Final = {number: name for name, number in RESOURCE_TYPES.items()}

_STANDING = """
SELECT r.type, r.id, r.version FROM resource r
 WHERE (r.type, r.id) IN (SELECT * FROM unnest(%b, %b)) AND NOT r.deleted AND ({access})
 ORDER BY r.type, r.id FOR KEY SHARE OF r"""

_REFERRING = """
(SELECT r.type, r.id, r.body::text FROM resource r WHERE NOT r.deleted AND r.tokens && %b LIMIT %s)
UNION ALL
(SELECT r.type, r.id, r.body::text FROM resource r
  WHERE NOT r.deleted AND r.type = ANY(%b) AND r.patient = ANY(ARRAY(SELECT key FROM patient_key WHERE id = ANY(%b)))
  LIMIT %s)"""


class Referrer(NamedTuple):
    """A resource that may refer to one that was asked for; its text tells."""

    type: str
    id: str
    body: str


async def standing(
    connection: psycopg.AsyncConnection, keys: Iterable[Key], access: Mapping[str, Predicate]
) -> dict[Key, int]:
    """The current version of those of `keys` that are there, not deleted, and shown by the `access` to their type.

    They stay as they are until the transaction ends: whoever would delete one waits.
    """
    wanted = list(keys)
    shown = [(RESOURCE_TYPES[type], predicate) for type, predicate in access.items()]
    columns = (
        smallints([RESOURCE_TYPES[type] for type, _ in wanted]),
        texts([id.encode() for _, id in wanted]),
    )
    condition = " OR ".join(f"r.type = %s AND ({predicate.sql})" for _, predicate in shown)
    params = [param for number, predicate in shown for param in (number, *predicate.params)]
    cursor = await connection.execute(_STANDING.format(access=condition or "FALSE"), (*columns, *params))
    return {(_TYPES[type], id): version for type, id, version in await cursor.fetchall()}


async def referring(
    connection: psycopg.AsyncConnection, tokens: Iterable[int], patients: Iterable[str], limit: int
) -> list[Referrer]:
    """At most `limit` resources that have one of `tokens`, and as many about one of `patients`, whoever may see them.

    There are usually none, which only an index finds out fast; the planner would rather expect some in any page it reads.
    """
    about = (smallints(RESOURCE_TYPES.values()), texts([id.encode() for id in patients]))
    await connection.execute("SET LOCAL enable_seqscan = off")
    cursor = await connection.execute(_REFERRING, (bigints(tokens), limit, *about, limit))
    found = [Referrer(_TYPES[type], id, body) for type, id, body in await cursor.fetchall()]
    await connection.execute("SET LOCAL enable_seqscan TO DEFAULT")
    return found
