"""A connection that does not wait for ever for a database that has fallen silent: stopped, or behind a dead network.

https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT

The server's own `statement_timeout` ends a statement that is slow. It is no help where the server does not run.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

BEYOND_TIMEOUT = 5.0

Value = TypeVar("Value")


class PatientConnection(psycopg.AsyncConnection[TupleRow]):
    """Waits for the answer to a command as long as `patience` says; then the connection is lost, as if cut."""

    patience: float | None = None

    async def wait(self, gen: PQGen[Value], interval: float = 0.1, timeout: float | None = None) -> Value:  # noqa: ASYNC109 - psycopg's
        """What the database answers; psycopg.OperationalError when it does not in time."""
        if self.patience is None:
            return await super().wait(gen, interval, timeout)
        overdue = asyncio.get_running_loop().call_later(self.patience, self._give_up)
        try:
            return await super().wait(gen, interval, timeout)
        finally:
            overdue.cancel()

    def _give_up(self) -> None:
        # One who waits for notifications has asked for nothing, and may wait as long as it takes.
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            hang_up(self)


def hang_up(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """Nothing; whoever waits on `connection` finds that the database has closed it."""
    with suppress(OSError, psycopg.Error):
        descriptor = os.dup(connection.fileno())
        with socket.socket(fileno=descriptor) as line:
            line.shutdown(socket.SHUT_RDWR)
