"""What a failure of PostgreSQL means to a client: try again, ask for less, or wait.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as sqlstates
from psycopg_pool import PoolClosed, PoolTimeout

from fhir_server.errors import Conflict, InsufficientStorage, RequestError, TooCostly, Unavailable

_RACES = (sqlstates.SerializationFailure, sqlstates.DeadlockDetected, sqlstates.LockNotAvailable)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the database raises inside into Conflict, TooCostly or Unavailable; what is a bug stays as it is."""
    try:
        yield
    except (psycopg.OperationalError, PoolClosed) as error:
        raise translation(error) from error


def translation(error: Exception) -> RequestError:
    """The RequestError that says to a client what `error` means."""
    if isinstance(error, _RACES):
        return Conflict("Another request was writing the same resources. Send this one again.")
    if isinstance(error, sqlstates.QueryCanceled):
        return TooCostly(
            "The request took longer than this server allows. Ask for less: more parameters, a shorter time, a patient.",
            code="too-costly",
        )
    if isinstance(error, sqlstates.DiskFull):
        return InsufficientStorage()
    if isinstance(error, PoolTimeout):
        return busy()
    return unreachable()


def busy() -> TooCostly:
    """What to say when other requests have every connection."""
    return TooCostly("The server is busy. Send the request again later.")


def unreachable() -> Unavailable:
    """What to say when there is no database to ask."""
    return Unavailable("The database cannot be reached now. Send the request again later.")


def is_lost(connection: psycopg.AsyncConnection) -> bool:
    """Whether the server's end of `connection` is gone."""
    return connection.closed or connection.broken
