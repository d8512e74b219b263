"""Searches too long for the link to their next page, kept sealed until they expire.

https://hl7.org/fhir/R4/http.html#paging

Whoever keeps another removes those that have expired.
"""

import os
from typing import Final

import psycopg
from psycopg.rows import TupleRow

_ID_BYTES: Final = 16

_KEEP: Final = """
WITH expired AS (DELETE FROM kept_search WHERE expires < clock_timestamp())
INSERT INTO kept_search (id, sealed, expires) VALUES (%s, %s, clock_timestamp() + %s * interval '1 second')
"""
_KEPT: Final = "SELECT sealed FROM kept_search WHERE id = %s AND expires >= clock_timestamp()"


async def keep(connection: psycopg.AsyncConnection[TupleRow], sealed: bytes, seconds: int) -> bytes:
    """The id under which `sealed` can be had again for so many seconds."""
    id = os.urandom(_ID_BYTES)
    await connection.execute(_KEEP, (id, sealed, seconds))
    return id


async def kept(connection: psycopg.AsyncConnection[TupleRow], id: bytes) -> bytes | None:
    """What was kept under the id; None when it has expired."""
    cursor = await connection.execute(_KEPT, (id,))
    row = await cursor.fetchone()
    return row[0] if row else None
