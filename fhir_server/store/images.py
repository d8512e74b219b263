"""Whether what was written, or what was current once, is what a predicate shows.

https://www.hl7.org/fhir/R4/security.html#authorization
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import orjson
import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import Array, integers, smallints, texts
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import IndexRow, Key

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}

_OUTSIDE = """
SELECT key.type, key.id FROM unnest(%b, %b) AS key (type, id)
 WHERE NOT EXISTS (SELECT FROM resource r WHERE r.type = key.type AND r.id = key.id AND NOT r.deleted AND ({access}))
 ORDER BY key.type, key.id"""

_REPLACED: Final = """
SELECT h.body::text FROM resource r JOIN resource_history h ON h.rid = r.rid AND h.version = r.version - 1
 WHERE r.type = %s AND r.id = %s"""

# the row that the image would be if it were current, as far as predicates look at it
_ROWS = """(
  SELECT i.number, i.type, i.id, FALSE AS deleted, p.key AS patient, c.key AS code_set, i.tokens::bigint[] AS tokens,
         i.body::jsonb AS body
    FROM unnest(%b, %b, %b, %b, %b, %b, %b) AS i (number, type, id, patient, codings, tokens, body)
    LEFT JOIN patient_key p ON p.id = i.patient LEFT JOIN code_set c ON c.codings = i.codings OFFSET 0) r"""
_MEETING = f"SELECT r.number FROM {_ROWS} WHERE ({{access}})"
_MEETING_EACH = f"""
SELECT asking.place FROM {_ROWS} JOIN (VALUES {{askers}}) AS asking ({{columns}}) ON r.number = asking.image
 WHERE ({{access}})"""
_AT_ONCE: Final = 500


class Image(NamedTuple):
    """What a resource is, or was, with the values it is found by."""

    type: str
    id: str
    row: IndexRow
    body: bytes


async def outside(connection: psycopg.AsyncConnection, keys: Collection[Key], access: Predicate) -> list[Key]:
    """Those of `keys`, all of them of types that `access` is for, that are not there or that it does not show."""
    columns = (
        smallints([RESOURCE_TYPES[type] for type, _ in keys]),
        texts([id.encode() for _, id in keys]),
    )
    statement = _OUTSIDE.format(access=access.sql)
    cursor = await connection.execute(statement, (*columns, *access.params), prepare=False)
    return [(_TYPES[type], id) for type, id in await cursor.fetchall()]


async def replaced(connection: psycopg.AsyncConnection, type: str, id: str) -> bytes | None:
    """The body that the current version took the place of; None where there was none, or a deletion."""
    cursor = await connection.execute(_REPLACED, (RESOURCE_TYPES[type], id))
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else str(row[0]).encode()


async def meeting(
    connection: psycopg.AsyncConnection, images: Sequence[Image], access: Predicate
) -> set[int]:
    """Which of `images`, counted from 0, `access` would show if they were current."""
    statement = _MEETING.format(access=access.sql)
    cursor = await connection.execute(statement, (*_columns(images), *access.params), prepare=False)
    return {number for (number,) in await cursor.fetchall()}


async def meeting_each(
    connection: psycopg.AsyncConnection, images: Sequence[Image], asked: Sequence[tuple[int, Predicate]]
) -> set[int]:
    """Which of `asked`, counted from 0, are about an image, by its number in `images`, that their own predicate shows.

    The predicates are of one form, in SQL, and differ in their parameters: they are asked together.
    """
    found = set[int]()
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        sql, width = part[0][1].sql, len(part[0][1].params)
        names = [f"p{number}" for number in range(width)]
        form, *rest = sql.split("%s")
        statement = _MEETING_EACH.format(
            askers=", ".join([f"({', '.join(['%s'] * (width + 2))})"] * len(part)),
            columns=", ".join(["place", "image", *names]),
            access=form + "".join(f"asking.{name}{text}" for name, text in zip(names, rest, strict=True)),
        )
        askers = [
            value
            for place, (image, predicate) in enumerate(part, start)
            for value in (place, image, *predicate.params)
        ]
        cursor = await connection.execute(statement, (*_columns(images), *askers), prepare=False)
        found |= {place for (place,) in await cursor.fetchall()}
    return found


def _columns(images: Sequence[Image]) -> tuple[Array, ...]:
    rows = [image.row for image in images]
    return (
        integers(range(len(images))),
        smallints([RESOURCE_TYPES[image.type] for image in images]),
        texts([image.id.encode() for image in images]),
        texts([None if row.patient is None else row.patient.encode() for row in rows]),
        texts([orjson.dumps(row.codings) if row.codings else None for row in rows]),
        texts([b"{%s}" % ",".join(map(str, row.tokens)).encode() for row in rows]),
        texts([image.body for image in images]),
    )
