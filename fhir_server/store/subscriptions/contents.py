"""The versions that events tell of, where a predicate shows the resource as it is now.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import integers, smallints, texts
from fhir_server.store.predicate import EVERYTHING, Predicate

_CURRENT: Final = 0

# the body of the current version, or of an earlier one, which may have been about somebody else
_VERSIONS: Final = """
SELECT key.place, v.version = r.version, v.body::text
  FROM unnest(%b, %b, %b) AS key (place, id, version) JOIN resource r ON r.type = %s AND r.id = key.id
 CROSS JOIN LATERAL (
   SELECT r.version, r.body WHERE key.version IN (0, r.version)
    UNION ALL SELECT h.version, h.body FROM resource_history h WHERE h.rid = r.rid AND h.version = key.version) v
 WHERE NOT r.deleted AND v.body IS NOT NULL AND ({access})"""

# what lies compressed says little of how large it is; below this it is not read for that
_SIZE: Final = """
CASE WHEN pg_column_size({body}) < 2000 THEN pg_column_size({body}) ELSE octet_length({body}::text) END"""
_FITTING: Final = f"""
SELECT count(*) FROM (
  SELECT sum(coalesce(v.size, 0)) OVER (ORDER BY key.place) AS size
    FROM unnest(%b, %b, %b, %b) AS key (place, type, id, version)
    LEFT JOIN resource r ON r.type = key.type AND r.id = key.id
    LEFT JOIN LATERAL (
      SELECT {_SIZE.format(body="r.body")} AS size WHERE key.version IN (0, r.version)
       UNION ALL SELECT {_SIZE.format(body="h.body")} FROM resource_history h WHERE h.rid = r.rid AND h.version = key.version) v
      ON TRUE) sizes
 WHERE size <= %s"""


class Kept(NamedTuple):
    """A version as stored; `place` is that of what was asked for, from 0."""

    place: int
    is_current: bool
    body: bytes


async def versions(
    connection: psycopg.AsyncConnection,
    type: str,
    wanted: Sequence[tuple[str, int | None]],
    access: Predicate,
) -> list[Kept]:
    """Those of `wanted`, by id and version (None: the current one), whose resource is there now and shown by `access`."""
    columns = (
        integers(range(len(wanted))),
        texts([id.encode() for id, _ in wanted]),
        integers([version or _CURRENT for _, version in wanted]),
    )
    statement = _VERSIONS.format(access=access.sql)
    params = (*columns, RESOURCE_TYPES[type], *access.params)
    prepare = None if access == EVERYTHING else False  # else there is a statement for each caller
    cursor = await connection.execute(statement, params, prepare=prepare)
    return [Kept(place, is_current, body.encode()) for place, is_current, body in await cursor.fetchall()]


async def fitting(
    connection: psycopg.AsyncConnection, wanted: Sequence[tuple[str, str, int | None]], most_bytes: int
) -> int:
    """How many of `wanted`, by type, id and version, counted from the first, are together no larger than that."""
    columns = (
        integers(range(len(wanted))),
        smallints([RESOURCE_TYPES[type] for type, _, _ in wanted]),
        texts([id.encode() for _, id, _ in wanted]),
        integers([version or _CURRENT for _, _, version in wanted]),
    )
    row = await (await connection.execute(_FITTING, (*columns, most_bytes))).fetchone()
    assert row is not None, "a count has a row"
    return int(row[0])
