"""What fails for a reason nobody foresaw while changes are held against subscriptions: set aside, so that all others go on.

docs/adr/0023-change-log.md, "What fails"
"""

from typing import Final

import psycopg
import structlog
from prometheus_client import Counter

from fhir_server.errors import RequestError
from fhir_server.logs import places
from fhir_server.store.changes import Change as Logged
from fhir_server.store.database import Connection
from fhir_server.store.devices.silence import Silent
from fhir_server.store.subscriptions import set_aside
from fhir_server.store.subscriptions.set_aside import SetAside
from fhir_server.subscriptions.happened import DEVICE, Happened

SET_ASIDE: Final = Counter(
    "fhir_subscription_changes_set_aside",
    "Changes that could not be held against a subscription, or any, for a failure of the server.",
)


def refuse_passing(error: Exception) -> None:
    """Nothing; raises `error` where it says that the database is away or busy: then nothing is the matter with the change."""
    if isinstance(error, RequestError | psycopg.OperationalError | psycopg.InterfaceError):
        raise error


class Failures:
    """Those of one step: `keep` them in the transaction that the step ends with, then `tell` of them."""

    def __init__(self) -> None:
        self._found: list[tuple[SetAside, Exception]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(
        self, error: Exception, change: Logged | Happened | Silent, subscription: int | None = None
    ) -> None:
        """Nothing; the change is set aside for the subscription, by its key, or for all. Raises as `refuse_passing` does."""
        refuse_passing(error)
        where = f"{type(error).__name__} at {(places(error) or ['?'])[-1]}"
        match change:
            case Happened():
                found = SetAside(
                    subscription, change.change, change.type, change.id, change.rid, change.version, where
                )
            case Silent():
                found = SetAside(subscription, "silent", DEVICE, change.id, None, None, where)
            case _:
                found = SetAside(
                    subscription, None, change.type, change.id, change.rid, change.version, where
                )
        self._found.append((found, error))

    async def keep(self, connection: Connection) -> None:
        """Nothing; they are kept in the transaction that `connection` is in."""
        await set_aside.keep(connection, [found for found, _ in self._found])

    def tell(self) -> None:
        """Nothing; they are kept, and the log and the metrics say so."""
        for found, error in self._found:
            SET_ASIDE.inc()
            structlog.get_logger().error("change set aside", type=found.type, exc_info=error)
