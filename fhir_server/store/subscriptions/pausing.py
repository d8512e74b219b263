"""Whether this database may send notifications: a copy may not, until the operator says so.

docs/adr/0024-delivery.md, "A copy sends nothing"

The database keeps the number of the cluster that it sends from. A restore takes the number away, and in another cluster it is
another's, by whatever means the copy came there.
"""

from typing import Final

from fhir_server.store.database import Connection

_HERE: Final = "(SELECT system_identifier::text FROM pg_control_system())"
_IS_PAUSED: Final = f"SELECT sends_from IS DISTINCT FROM {_HERE} FROM subscription_cursor"
_PAUSE: Final = "UPDATE subscription_cursor SET sends_from = NULL"
_RESUME: Final = f"""
WITH failing AS (
  UPDATE subscription_progress SET failing_since = clock_timestamp() WHERE failing_since IS NOT NULL AND
         (SELECT sends_from IS DISTINCT FROM {_HERE} FROM subscription_cursor))
UPDATE subscription_cursor SET sends_from = {_HERE}"""


async def is_paused(connection: Connection) -> bool:
    """Whether nothing may be sent from here: it was paused, restored, or is a copy in another cluster."""
    row = await (await connection.execute(_IS_PAUSED)).fetchone()
    return row is None or bool(row[0])


async def pause(connection: Connection) -> None:
    """Nothing is to be sent from here any more."""
    await connection.execute(_PAUSE)


async def resume(connection: Connection) -> None:
    """What is due is sent from here from now on, in this cluster alone.

    The time in which nothing was sent is none in which an endpoint took nothing.
    """
    await connection.execute(_RESUME)
