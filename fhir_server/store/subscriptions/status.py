"""How far subscriptions have come, for those who may see them.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import JsonObject
from fhir_server.store.database import Connection
from fhir_server.store.predicate import Predicate

SUBSCRIPTION: Final = "Subscription"
STATES: Final = ("requested", "active", "error", "off")

# one that was stored before the server served any was never registered, and is off
_STATUS: Final = """
SELECT * FROM (
  SELECT r.id, coalesce(s.key, 0) AS key, s.owner_key, s.asked, coalesce(s.state, 'off') AS state, s.error,
         coalesce(p.numbered, 0) AS numbered,
         coalesce((SELECT min(e.number) FROM subscription_event e WHERE e.subscription = s.key), p.numbered + 1, 1) AS kept_from
    FROM resource r LEFT JOIN subscription s ON s.id = r.id LEFT JOIN subscription_progress p ON p.subscription = s.key
   WHERE r.type = %s AND NOT r.deleted AND (%s::text[] IS NULL OR r.id = ANY(%s)) AND ({access})) found
 WHERE state = ANY(%s) AND id > %s ORDER BY id LIMIT %s"""


class Status(NamedTuple):
    """A subscription now: `asked` as it was registered, None where it never was; events from `kept_from` on are kept."""

    id: str
    key: int
    owner_key: str | None
    asked: JsonObject | None
    state: str
    error: str | None
    numbered: int
    kept_from: int


async def status(
    connection: Connection,
    access: Predicate,
    most: int,
    *,
    ids: Sequence[str] = (),
    states: Sequence[str] = (),
    after: str = "",
) -> list[Status]:
    """The Subscriptions that `access` shows, those of `ids` (none: all) in one of `states` (none: any), by id from `after` on."""
    wanted = list(ids) or None
    cursor = await connection.execute(
        _STATUS.format(access=access.sql),
        (RESOURCE_TYPES[SUBSCRIPTION], wanted, wanted, *access.params, list(states or STATES), after, most),
        prepare=False,
    )
    return [Status(*row) for row in await cursor.fetchall()]
