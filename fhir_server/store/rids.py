"""Row numbers for new resources, taken from their sequence a thousand at a time.

https://www.postgresql.org/docs/current/sql-createsequence.html; what a process did not use up is never used.
"""

from collections import deque

import psycopg

RID_BLOCK = 1000


class Rids:
    """The numbers this process may give out."""

    def __init__(self) -> None:
        self._free: deque[int] = deque()

    async def take(self, connection: psycopg.AsyncConnection, count: int) -> list[int]:
        """`count` numbers that no other process and no earlier call has."""
        while len(self._free) < count:
            cursor = await connection.execute("SELECT nextval('resource_rid')")
            row = await cursor.fetchone()
            assert row is not None, "nextval always answers"
            self._free.extend(range(row[0], row[0] + RID_BLOCK))
        return [self._free.popleft() for _ in range(count)]
