"""Registered devices as ingest asks for them: one query per request.

docs/adr/0009-device-authentication.md
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import structlog
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import texts
from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach, reached
from fhir_server.store.devices.seal import Seal, SecretUnreadable
from fhir_server.store.gathering import Gathering
from ingest.errors import Unavailable
from ingest.ports import Assignment, Device, HeldKey, Secret
from mappers.errors import UnknownProfile
from mappers.profile import DeviceProfile
from mappers.profiles import DeviceProfiles

RECENT: Final = timedelta(days=30)
"""Assignments that `find` brings along; readings older than that cost one query more."""

_OF_DEVICE: Final = "int8range(device, device, '[]') && int8range({key}, {key}, '[]')"

_COLUMNS: Final = f"""
       d.key, d.id, d.name, d.profile,
       d.disabled_at IS NOT NULL OR EXISTS (
           SELECT FROM resource r WHERE r.type = {RESOURCE_TYPES["Device"]} AND r.id = d.id AND r.deleted
       ),
       s.key_ids, s.sealed, s.valid_until, a.patients, a.starts, a.ends, d.metrics, coalesce(d.state, '{{}}')::text
"""
_WITH_SECRETS_AND_ASSIGNMENTS: Final = f"""
CROSS JOIN LATERAL (
    SELECT array_agg(key_id) AS key_ids, array_agg(sealed) AS sealed, array_agg(valid_until) AS valid_until
    FROM device_secret WHERE device = d.key AND (valid_until IS NULL OR valid_until > %(now)s)
) s
CROSS JOIN LATERAL (
    SELECT array_agg(patient) AS patients, array_agg(lower(period)) AS starts, array_agg(upper(period)) AS ends
    FROM device_assignment
    WHERE {_OF_DEVICE.format(key="d.key")} AND period && tstzrange(%(since)s, NULL)
) a
"""
_FIND: Final = f"""
SELECT asked.name, {_COLUMNS} FROM unnest(%(names)b) AS asked (name)
CROSS JOIN LATERAL (SELECT * FROM device WHERE device.name = asked.name OR device.id = asked.name LIMIT 1) d
{_WITH_SECRETS_AND_ASSIGNMENTS}
"""
_HELD: Final = f"""
SELECT k.sha256, k.valid_until, {_COLUMNS}
FROM device_api_key k JOIN device d ON d.key = k.device {_WITH_SECRETS_AND_ASSIGNMENTS}
WHERE k.id = %(id)s AND (k.valid_until IS NULL OR k.valid_until > %(now)s)
"""

_ASSIGNMENTS: Final = f"""
SELECT patient, lower(period), upper(period) FROM device_assignment
WHERE {_OF_DEVICE.format(key="%(device)s")} AND period && tstzrange(%(since)s, NULL)
"""

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

MOST_KNOWN: Final = 10_000

_Asked: TypeAlias = tuple[str, datetime]
_Found: TypeAlias = tuple[TupleRow | None, datetime]
"""The row of a device, if there is one, and since when its assignments are in it."""

_log = structlog.get_logger(__name__)


class _Known(NamedTuple):
    row: TupleRow
    since: datetime
    device: Device


class DeviceRegistry:
    """The registered devices, their secrets opened and their types looked up; implements `ingest.ports.Devices`.

    Every request asks the database. What its row says is worked out again only when it says something else.
    """

    def __init__(self, database: Database, seal: Seal, profiles: DeviceProfiles) -> None:
        self._database = database
        self._seal = seal
        self._profiles = profiles
        self._asked: Gathering[_Asked, _Found] = Gathering(self._find, writers=1)
        self._known: dict[str, _Known] = {}

    async def find(self, name: str, now: datetime) -> Device | None:
        """The device with this registered name or Device id, None when there is none; disabled if its Device was deleted."""
        if "\0" in name:
            return None
        with reached():
            row, since = await self._asked.add((name, now))
        return None if row is None else self._device(row, since)

    async def held_key(self, id: str, now: datetime) -> HeldKey | None:
        """The API key with this public id and its device, None when there is none or it has ended."""
        since = _since(now)
        async with reach(self._database) as connection:
            row = await (await connection.execute(_HELD, {"id": id, "now": now, "since": since})).fetchone()
        return None if row is None else HeldKey(self._device(row[2:], since), row[0], row[1])

    async def assignments(self, device: int, since: datetime) -> tuple[Assignment, ...]:
        """All assignments of the device that end after `since`."""
        async with reach(self._database) as connection:
            cursor = await connection.execute(_ASSIGNMENTS, {"device": device, "since": since})
            return tuple([_assignment(*row) async for row in cursor])

    async def _find(self, asked: Sequence[_Asked]) -> list[_Found]:
        """Each device asked for, in one statement: the requests of one moment are many."""
        now = min(now for _, now in asked)
        since = _since(now)
        names = texts(sorted({name.encode() for name, _ in asked}))
        async with self._database.connection() as connection:
            cursor = await connection.execute(_FIND, {"names": names, "now": now, "since": since})
            found = {row[0]: row[1:] for row in await cursor.fetchall()}
        return [(found.get(name), since) for name, _ in asked]

    def _device(self, row: TupleRow, since: datetime) -> Device:
        id: str = row[1]
        known = self._known.get(id)
        if known is None or known.since != since or known.row != row:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[id] = _Known(row, since, self._worked_out(row, since))
        return known.device

    def _worked_out(self, row: TupleRow, since: datetime) -> Device:
        key, id, registered, profile, disabled, key_ids, sealed, until, *others = row
        patients, starts, ends, metrics, state = others
        secrets = self._opened(id, zip(key_ids or (), sealed or (), until or (), strict=True))
        uses = tuple(map(_assignment, patients or (), starts or (), ends or ()))
        about = self._type(id, profile), metrics, json.loads(state)
        return Device(key, id, registered, profile, disabled, secrets, uses, since, *about)

    def _type(self, id: str, profile: str) -> DeviceProfile:
        """The type called `profile`. Raises Unavailable where its file is gone: what the device sends is not lost by that."""
        try:
            return self._profiles.get(profile)
        except UnknownProfile as error:
            _log.error("device type missing", device=id, device_type=profile)
            raise Unavailable from error

    def _opened(self, id: str, rows: "zip[tuple[int, bytes, datetime | None]]") -> tuple[Secret, ...]:
        """The secrets that can be read; one that cannot is logged as what the operator must repair."""
        opened = []
        for key_id, sealed, until in rows:
            try:
                opened.append(Secret(self._seal.open(sealed, id, key_id), until))
            except SecretUnreadable as error:
                _log.error("device secret unreadable", device=id, key_id=key_id, error=str(error))
        return tuple(opened)


def _since(now: datetime) -> datetime:
    """Since when assignments are brought along: the same for an hour, so that rows stay the same."""
    return (now - RECENT).replace(minute=0, second=0, microsecond=0)


def _assignment(patient: str, start: datetime | None, end: datetime | None) -> Assignment:
    return Assignment(patient, start or _ALWAYS, end or _NEVER)
