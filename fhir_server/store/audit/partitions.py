"""The partitions of the audit, one for each month (UTC), made before their time.

https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from fhir_server import clock
from fhir_server.errors import RequestError, Unavailable
from fhir_server.store.audit.rows import first_id, unkept
from fhir_server.store.database import Database

_LOCK: Final = (
    0x666869725F617564  # "fhir_aud": two processes that make partitions at once wait for each other
)
_AHEAD: Final = 2
_NAME: Final = re.compile(r"audit_(\d{4})_(\d{2})")

_NAMES: Final = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'audit'::regclass ORDER BY c.relname"""

# made apart and then attached: whoever writes to the others meanwhile does not wait
_MAKE: Final = """
CREATE TABLE {name} (LIKE audit INCLUDING ALL);
ALTER TABLE {name} ADD CONSTRAINT within CHECK (id >= {low} AND id < {high});
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON {name} EXECUTE FUNCTION audit_only_grows();
ALTER TABLE audit ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high});
ALTER TABLE {name} DROP CONSTRAINT within"""


class Month(NamedTuple):
    """A month and year."""

    year: int
    month: int

    @property
    def start(self) -> datetime:
        """Its first moment in UTC."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def name(self) -> str:
        """The name of its partition."""
        return f"audit_{self.year:04}_{self.month:02}"

    def plus(self, months: int) -> "Month":
        """The month so many later, or earlier."""
        count = self.year * 12 + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)


def month(at: datetime) -> Month:
    """The month of a moment, in UTC."""
    there = at.astimezone(UTC)
    return Month(there.year, there.month)


class Partitions:
    """Those that this process knows to be there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known_until = datetime.min.replace(tzinfo=UTC)

    async def be_ready(self) -> None:
        """Nothing; records of now can be kept. Raises Unavailable when they cannot."""
        now = clock.now()
        if now < self._known_until:
            return
        try:
            async with self._database.connection() as connection:
                await ensure(connection, month(now))
        except Unavailable:
            raise
        except (psycopg.Error, RequestError) as error:
            raise unkept() from error
        self._known_until = month(now).plus(1).start


async def ensure(connection: psycopg.AsyncConnection[TupleRow], first: Month) -> None:
    """Nothing; there are partitions for that month and the next ones."""
    wanted = [first.plus(number) for number in range(_AHEAD + 1)]
    if set(wanted) <= set(await months(connection)):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        there = set(await months(connection))
        for one in wanted:
            if one not in there:
                await connection.execute(make(one))


async def months(connection: psycopg.AsyncConnection[TupleRow]) -> list[Month]:
    """The months that have a partition, the earliest first."""
    cursor = await connection.execute(_NAMES)
    return list(_months(name for (name,) in await cursor.fetchall()))


def make(one: Month) -> sql.Composed:
    """The statements that make the partition of a month."""
    return sql.SQL(_MAKE).format(
        name=sql.Identifier(one.name),
        low=sql.Literal(str(first_id(one.start))),
        high=sql.Literal(str(first_id(one.plus(1).start))),
    )


def _months(names: Iterable[str]) -> Iterable[Month]:
    for name in names:
        found = _NAME.fullmatch(name)
        if found:
            yield Month(int(found[1]), int(found[2]))
