"""What is there under the ids that a device's readings would get, locked.

DESIGN: the same reading sent twice is one resource; docs/adr/0004-identity.md
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import Array, smallints, texts
from fhir_server.store.rows import Key

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}

_LOCK = """
SELECT type, id, fingerprint, deleted OR body ->> 'status' = 'entered-in-error',
       CASE WHEN fingerprint IS NULL OR body ?| ARRAY['component', 'hasMember', 'result'] THEN body::text END,
       body ->> 'issued', body ->> 'status' = 'preliminary'
  FROM resource
 WHERE (type, id) IN (SELECT * FROM unnest(%b, %b))
 ORDER BY type, id FOR UPDATE"""


_BODIES = """
SELECT type, id, body::text FROM resource
 WHERE (type, id) IN (SELECT * FROM unnest(%b, %b)) AND fingerprint IS NOT NULL"""

_DELETED = "SELECT id FROM resource WHERE type = ANY(%b) AND id = ANY(%b) AND deleted"


class Known(NamedTuple):
    """A resource that is there: the hash of its clinical content, and whether it was deleted or entered in error.

    A version that a client wrote was not hashed; of that one there is the text, as of one with members, results or
    components. `issued` is that element as it stands; what is `preliminary` waits for a later reading to replace it.
    """

    fingerprint: int | None
    withdrawn: bool
    text: str | None = None
    issued: str | None = None
    preliminary: bool = False


async def deleted_patients(connection: psycopg.AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Those of the ids of Patients that were deleted."""
    columns = smallints([RESOURCE_TYPES["Patient"]]), texts([id.encode() for id in ids])
    cursor = await connection.execute(_DELETED, columns)
    return {id for (id,) in await cursor.fetchall()}


async def bodies(connection: psycopg.AsyncConnection, keys: Iterable[Key]) -> dict[Key, str]:
    """The texts of those of `keys` whose current version ingest wrote: of one that a client wrote nothing."""
    cursor = await connection.execute(_BODIES, _columns(list(keys)))
    return {(_TYPES[type], id): text for type, id, text in await cursor.fetchall()}


async def lock_known(connection: psycopg.AsyncConnection, keys: Iterable[Key]) -> dict[Key, Known]:
    """Those of `keys` (type and id) that exist, their rows locked in one order until the transaction ends."""
    cursor = await connection.execute(_LOCK, _columns(list(keys)))
    return {
        (_TYPES[type], id): Known(fingerprint, bool(withdrawn), text, issued, bool(preliminary))
        for type, id, fingerprint, withdrawn, text, issued, preliminary in await cursor.fetchall()
    }


def _columns(keys: Sequence[Key]) -> tuple[Array, Array]:
    return smallints([RESOURCE_TYPES[type] for type, _ in keys]), texts([id.encode() for _, id in keys])
