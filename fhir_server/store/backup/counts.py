"""The tables of a database and how many rows each has.

https://www.postgresql.org/docs/18/catalog-pg-class.html
"""

from typing import TypeAlias

import psycopg
from psycopg.rows import TupleRow

Connection: TypeAlias = "psycopg.Connection[TupleRow]"

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1
"""


def tables(connection: Connection) -> list[str]:
    """Every table that holds rows of its own, as `schema.table`, quoted as SQL wants it."""
    return [str(name) for (name,) in connection.execute(_TABLES)]


def rows(connection: Connection) -> dict[str, int]:
    """The number of rows of every table, as this connection's transaction sees them."""
    return {name: _count(connection, name) for name in tables(connection)}


def _count(connection: Connection, name: str) -> int:
    # PostgreSQL has quoted the name itself.
    row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
    assert row is not None
    return int(row[0])
