"""A version's profiles, tags and security labels changed where they stand, without a new version.

https://hl7.org/fhir/R4/resource.html#Meta: changes of the metadata need not be changes of the version
"""

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import JsonObject, dumps
from fhir_server.store.arrays import smallints
from fhir_server.store.predicate import Predicate

_CURRENT = """
UPDATE resource r SET body = %s::jsonb, tokens = %s::bigint[] WHERE rid = %s RETURNING ({access})"""

_EARLIER = "UPDATE resource_history SET body = %s::jsonb WHERE rid = %s AND version = %s"

_LATEST = """
SELECT r.body -> 'meta' AS meta
  FROM (SELECT one.rid FROM unnest(%b) AS t (type) CROSS JOIN LATERAL (
          SELECT r.rid, r.last_updated FROM resource r WHERE r.type = t.type AND NOT r.deleted AND ({access})
           ORDER BY r.last_updated DESC LIMIT %s) AS one
         ORDER BY one.last_updated DESC LIMIT %s) AS chosen
  JOIN resource r ON r.rid = chosen.rid"""

_LABELS = """
WITH latest AS MATERIALIZED ({latest})
SELECT (SELECT count(*) FROM latest),
       (SELECT jsonb_agg(DISTINCT one) FROM latest, jsonb_array_elements(meta -> 'profile') AS one)::text,
       (SELECT jsonb_agg(DISTINCT one - 'id') FROM latest, jsonb_array_elements(meta -> 'tag') AS one)::text,
       (SELECT jsonb_agg(DISTINCT one - 'id') FROM latest, jsonb_array_elements(meta -> 'security') AS one)::text"""


async def replace_current(
    connection: psycopg.AsyncConnection,
    rid: int,
    tree: JsonObject,
    tokens: tuple[int, ...],
    access: Predicate,
) -> bool:
    """Whether `access` still shows the row once its current version is `tree` and it is found by `tokens`."""
    sql = _CURRENT.format(access=access.sql)
    cursor = await connection.execute(sql, (dumps(tree).decode(), list(tokens), rid, *access.params))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def replace_earlier(
    connection: psycopg.AsyncConnection, rid: int, version: int, tree: JsonObject
) -> None:
    """Nothing; the earlier version numbered `version` is `tree` now."""
    await connection.execute(_EARLIER, (dumps(tree).decode(), rid, version))


async def in_use(
    connection: psycopg.AsyncConnection, type: str | None, access: Predicate, most: int
) -> tuple[int, tuple[str | None, ...]]:
    """How many resources were looked at, the `most` that were changed last, and their profiles, tags and security labels.

    Each of the three is a JSON array as text, None for none.
    """
    types = RESOURCE_TYPES.values() if type is None else (RESOURCE_TYPES[type],)
    sql = _LABELS.format(latest=_LATEST.format(access=access.sql))
    cursor = await connection.execute(sql, (smallints(types), *access.params, most, most), prepare=False)
    row = await cursor.fetchone()
    assert row is not None
    count, *labels = row
    return count, tuple(labels)
