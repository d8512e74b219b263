"""The registered devices that are or were on a patient, as far as the caller may see that.

https://hl7.org/fhir/R4/deviceusestatement.html; docs/adr/0010-device-assignment.md
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import texts
from fhir_server.store.predicate import Predicate

_OF_PATIENT: Final = """
SELECT d.id, d.name, d.profile, d.last_seen_at, a.use_id, lower(a.period), upper(a.period), a.period @> now()
  FROM device_assignment a JOIN device d ON d.key = a.device
 WHERE a.patient = %s
   AND EXISTS (SELECT FROM resource r WHERE r.type = {device} AND r.id = d.id AND NOT r.deleted AND ({devices}))
   AND EXISTS (SELECT FROM resource r WHERE r.type = {use} AND r.id = a.use_id AND NOT r.deleted AND ({uses}))
 ORDER BY lower(a.period) DESC NULLS LAST, d.name LIMIT %s"""

_NOW: Final = """
SELECT a.patient, d.id, d.name, d.profile, d.last_seen_at
  FROM device_assignment a JOIN device d ON d.key = a.device
 WHERE a.patient = ANY(%b) AND a.period @> now()
   AND EXISTS (SELECT FROM resource r WHERE r.type = {device} AND r.id = d.id AND NOT r.deleted AND ({devices}))
   AND EXISTS (SELECT FROM resource r WHERE r.type = {use} AND r.id = a.use_id AND NOT r.deleted AND ({uses}))
 ORDER BY d.name"""


@dataclass(frozen=True, slots=True)
class Used:
    """A device on the patient in `[start, end)`, None where that has no bound; `current`: it is now."""

    id: str
    name: str
    profile: str
    last_seen_at: datetime | None
    use_id: str
    start: datetime | None
    end: datetime | None
    current: bool


async def used(
    connection: psycopg.AsyncConnection[TupleRow],
    patient: str,
    devices: Predicate,
    uses: Predicate,
    limit: int,
) -> list[Used]:
    """The uses whose Device `devices` shows and whose DeviceUseStatement `uses` shows, at most `limit`, the latest first."""
    sql = _OF_PATIENT.format(
        device=RESOURCE_TYPES["Device"],
        devices=devices.sql,
        use=RESOURCE_TYPES["DeviceUseStatement"],
        uses=uses.sql,
    )
    cursor = await connection.execute(sql, (patient, *devices.params, *uses.params, limit), prepare=False)
    return [Used(*row) for row in await cursor.fetchall()]


class Carried(NamedTuple):
    """A device that a patient has now, and when it was heard of last."""

    patient: str
    id: str
    name: str
    profile: str
    last_seen_at: datetime | None


async def carried(
    connection: psycopg.AsyncConnection[TupleRow],
    patients: Collection[str],
    devices: Predicate,
    uses: Predicate,
) -> list[Carried]:
    """The devices that `patients` have now, as far as `devices` and `uses` show them and their use, by name."""
    sql = _NOW.format(
        device=RESOURCE_TYPES["Device"],
        devices=devices.sql,
        use=RESOURCE_TYPES["DeviceUseStatement"],
        uses=uses.sql,
    )
    parameters = (texts([one.encode() for one in patients]), *devices.params, *uses.params)
    cursor = await connection.execute(sql, parameters, prepare=False)
    return [Carried(*row) for row in await cursor.fetchall()]
