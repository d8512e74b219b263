"""Records of the audit looked for, newest first.

https://hl7.org/fhir/R4/auditevent.html#search
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from fhir_server.store.audit.rows import COLUMNS, Kept, kept

_FIND: Final = f"SELECT {COLUMNS} FROM audit WHERE {{where}} ORDER BY id {{way}} LIMIT %s"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL over a record, with its parameters."""

    sql: str
    params: tuple[object, ...] = ()


async def find(
    connection: psycopg.AsyncConnection[TupleRow],
    conditions: Sequence[Condition],
    *,
    most: int,
    after: UUID | None = None,
    newest_first: bool = True,
) -> list[Kept]:
    """At most so many records that meet every condition, those that follow `after` in their order."""
    order = "<" if newest_first else ">"
    paged = [*conditions, Condition(f"id {order} %s", (after,))] if after else list(conditions)
    where = " AND ".join(f"({one.sql})" for one in paged) or "TRUE"
    statement = _FIND.format(where=where, way="DESC" if newest_first else "ASC")
    cursor = await connection.execute(statement, (*(value for one in paged for value in one.params), most))
    return [kept(row) for row in await cursor.fetchall()]


async def read(connection: psycopg.AsyncConnection[TupleRow], id: UUID) -> Kept | None:
    """The record of that id."""
    found = await find(connection, [Condition("id = %s", (id,))], most=1)
    return found[0] if found else None


async def count(connection: psycopg.AsyncConnection[TupleRow], conditions: Sequence[Condition]) -> int:
    """How many records meet every condition."""
    where = " AND ".join(f"({one.sql})" for one in conditions) or "TRUE"
    params = tuple(value for one in conditions for value in one.params)
    row = await (await connection.execute(f"SELECT count(*) FROM audit WHERE {where}", params)).fetchone()
    assert row is not None, "a count has a row"
    return int(row[0])
