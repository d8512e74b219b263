"""Changes that could not be held against subscriptions, for a failure of the server: kept where an operator finds them.

docs/adr/0023-change-log.md, "What fails"
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.database import Connection

_KEEP: Final = """
INSERT INTO subscription_set_aside (subscription, change, type, id, rid, version, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s)"""
_REMOVE: Final = "DELETE FROM subscription_set_aside WHERE at < clock_timestamp() - make_interval(days => %s)"


class SetAside(NamedTuple):
    """A change that may be an event of the subscription, by its key (None: of any), and where it failed: no text, no value."""

    subscription: int | None
    change: str | None
    type: str
    id: str
    rid: int | None
    version: int | None
    reason: str


async def keep(connection: Connection, found: Sequence[SetAside]) -> None:
    """Nothing; they are kept in the transaction that `connection` is in."""
    for subscription, change, type, *rest in found:
        await connection.execute(_KEEP, (subscription, change, RESOURCE_TYPES[type], *rest))


async def remove_old(connection: Connection, days: int) -> None:
    """Nothing; what was set aside longer ago is gone."""
    await connection.execute(_REMOVE, (days,))
