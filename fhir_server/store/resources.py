"""One resource by its key: the current version, or one of its history.

https://hl7.org/fhir/R4/http.html#read
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPE_NAMES, RESOURCE_TYPES
from fhir_server.store.arrays import Array, integers, smallints, texts
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Key, Version

_PATIENT = "(SELECT p.id FROM patient_key p WHERE p.key = r.patient)"

_READ = """
SELECT version, last_updated, method, body::text, {patient}
  FROM resource r WHERE type = %s AND id = %s AND ({access})"""

# The arrays are hidden from the planner: it would count their items and plan for each number of them anew. That each key is
# looked up by itself is said, so that no plan reads the table whole.
SEVERAL: Final = f"""
SELECT key.number, r.version, r.last_updated, r.method, r.body::text, {_PATIENT}
  FROM unnest((SELECT %b), (SELECT %b)) WITH ORDINALITY AS key (type, id, number)
 CROSS JOIN LATERAL (SELECT * FROM resource WHERE type = key.type AND id = key.id LIMIT 1) r"""

_VREAD = """
SELECT version, last_updated, method, body::text FROM (
  SELECT version, last_updated, method, body FROM resource WHERE rid = r.rid
  UNION ALL
  SELECT version, last_updated, method, body FROM resource_history WHERE rid = r.rid) AS versions
 WHERE version = %s"""

_VREAD_VISIBLE = f"""
SELECT v.*, {{patient}} FROM resource r CROSS JOIN LATERAL ({_VREAD}) AS v
 WHERE r.type = %s AND r.id = %s AND ({{access}})"""

# what the current version ended, where it is a deletion
_LAST = """
SELECT r.type, r.id, h.version, h.last_updated, h.method, h.body::text
  FROM unnest(%b, %b) AS key (type, id) JOIN resource r ON r.type = key.type AND r.id = key.id
  JOIN resource_history h ON h.rid = r.rid AND h.version = r.version - 1
 WHERE r.deleted"""

_NUMBERED = """
SELECT r.type, r.id, h.version, h.last_updated, h.method, h.body::text
  FROM unnest(%b, %b, %b) AS key (type, id, version) JOIN resource r ON r.type = key.type AND r.id = key.id
  JOIN resource_history h ON h.rid = r.rid AND h.version = key.version"""


async def read(connection: psycopg.AsyncConnection, type: str, id: str, access: Predicate) -> Version | None:
    """The current version, which may be the deletion; None when there is none, or none that `access` shows."""
    statement = _READ.format(patient=_PATIENT, access=access.sql)
    cursor = await connection.execute(statement, (RESOURCE_TYPES[type], id, *access.params))
    return _version(type, id, await cursor.fetchone())


def several(
    keys: Sequence[Key], rows: Iterable[tuple[Any, ...]]
) -> list[Version | None]:  # Any: the columns of SEVERAL
    """For each of `keys` what `read` says of it to those who may see everything, by the rows of SEVERAL."""
    found: list[Version | None] = [None] * len(keys)
    for number, *row in rows:
        type, id = keys[number - 1]
        found[number - 1] = _version(type, id, tuple(row))
    return found


def columns(keys: Collection[Key]) -> tuple[Array, Array]:
    """`keys` as the parameters of a statement."""
    return (
        smallints([RESOURCE_TYPES[type] for type, _ in keys]),
        texts([id.encode() for _, id in keys]),
    )


async def vread(
    connection: psycopg.AsyncConnection, type: str, id: str, version: int, access: Predicate
) -> Version | None:
    """The version numbered `version`; None when there is none, or `access` does not show the resource."""
    if version > 2**31 - 1:
        return None
    statement = _VREAD_VISIBLE.format(patient=_PATIENT, access=access.sql)
    cursor = await connection.execute(statement, (version, RESOURCE_TYPES[type], id, *access.params))
    return _version(type, id, await cursor.fetchone())


async def last_contents(connection: psycopg.AsyncConnection, keys: Collection[Key]) -> dict[Key, Version]:
    """The version before the deletion of each of `keys` that is deleted, whoever may see it."""
    cursor = await connection.execute(_LAST, columns(keys))
    return {(one.type, one.id): one for one in map(_numbered, await cursor.fetchall())}


async def earlier(
    connection: psycopg.AsyncConnection, wanted: Collection[tuple[str, str, int]]
) -> dict[tuple[str, str, int], Version]:
    """Those of `wanted`, by type, id and number, that are there and not current, whoever may see them."""
    columns = (
        smallints([RESOURCE_TYPES[type] for type, _, _ in wanted]),
        texts([id.encode() for _, id, _ in wanted]),
        integers([number for _, _, number in wanted]),
    )
    cursor = await connection.execute(_NUMBERED, columns)
    return {(one.type, one.id, one.version): one for one in map(_numbered, await cursor.fetchall())}


def _numbered(row: tuple[Any, ...]) -> Version:  # Any: the statement's columns
    number, id, *rest = row
    found = _version(RESOURCE_TYPE_NAMES[number], id, tuple(rest))
    assert found is not None, "made of a row"
    return found


def _version(type: str, id: str, row: tuple[object, ...] | None) -> Version | None:
    if row is None:
        return None
    number, last_updated, method, body, *patient = row
    return Version(type, id, number, last_updated, method, None if body is None else body.encode(), *patient)  # type: ignore[arg-type, attr-defined]  # the statement's columns
