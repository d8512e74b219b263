"""One resource by its key: the current version, or one of its history.

https://hl7.org/fhir/R4/http.html#read
"""

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version

_READ = """
SELECT version, last_updated, method, body::text
  FROM resource r WHERE type = %s AND id = %s AND ({access})"""

_VREAD = """
SELECT version, last_updated, method, body::text FROM (
  SELECT version, last_updated, method, body FROM resource WHERE rid = r.rid
  UNION ALL
  SELECT version, last_updated, method, body FROM resource_history WHERE rid = r.rid) AS versions
 WHERE version = %s"""

_VREAD_VISIBLE = f"""
SELECT v.* FROM resource r CROSS JOIN LATERAL ({_VREAD}) AS v
 WHERE r.type = %s AND r.id = %s AND ({{access}})"""


async def read(connection: psycopg.AsyncConnection, type: str, id: str, access: Predicate) -> Version | None:
    """The current version, which may be the deletion; None when there is none, or none that `access` shows."""
    statement = _READ.format(access=access.sql)
    cursor = await connection.execute(statement, (RESOURCE_TYPES[type], id, *access.params))
    return _version(type, id, await cursor.fetchone())


async def vread(
    connection: psycopg.AsyncConnection, type: str, id: str, version: int, access: Predicate
) -> Version | None:
    """The version numbered `version`; None when there is none, or `access` does not show the resource."""
    if version > 2**31 - 1:
        return None
    statement = _VREAD_VISIBLE.format(access=access.sql)
    cursor = await connection.execute(statement, (version, RESOURCE_TYPES[type], id, *access.params))
    return _version(type, id, await cursor.fetchone())


def _version(type: str, id: str, row: tuple[object, ...] | None) -> Version | None:
    if row is None:
        return None
    number, last_updated, method, body = row
    return Version(type, id, number, last_updated, method, None if body is None else body.encode())  # type: ignore[arg-type, attr-defined]  # the statement's columns
