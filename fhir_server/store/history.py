"""The versions of one resource, of a type or of the whole server, newest first.

https://hl7.org/fhir/R4/http.html#history
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}

_SELECT = """
SELECT c.seq, r.type, r.id, c.version, c.last_updated,
       CASE WHEN c.version = r.version THEN r.method ELSE h.method END,
       CASE WHEN c.version = r.version THEN r.body ELSE h.body END::text,
       {created}
  FROM change_log c
  JOIN resource r ON r.rid = c.rid
  LEFT JOIN resource_history h ON h.rid = c.rid AND h.version = c.version AND c.version <> r.version
 WHERE ({access}) AND {scope} AND {window}
 ORDER BY c.last_updated DESC, c.seq DESC LIMIT %s"""

# A version gets its time after its transaction has its number (`backend_xid`), so that whatever may still appear is no
# earlier than this. It must be asked before the snapshot in which the versions are read.
_SETTLED = """
SELECT date_trunc('milliseconds', least(statement_timestamp(), min(xact_start)))
  FROM pg_stat_activity
 WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"""

_INSTANCE = """
SELECT v.version, r.type, r.id, v.version, v.last_updated, v.method, v.body::text,
       {created}
  FROM resource r CROSS JOIN LATERAL (
    SELECT r.version, r.last_updated, r.method, r.body
    UNION ALL SELECT version, last_updated, method, body FROM resource_history WHERE rid = r.rid) AS v
 WHERE ({access}) AND r.type = %s AND r.id = %s AND {window}
 ORDER BY v.version DESC LIMIT %s"""

# the first version, or the first after a deletion
_CREATED = """{v}.version = 1 OR EXISTS (
  SELECT FROM resource_history p WHERE p.rid = r.rid AND p.version = {v}.version - 1 AND p.body IS NULL)"""

# replaced after the period's start, if at all, and made before its end
_CURRENT = """({v}.version = r.version OR coalesce(
  (SELECT n.last_updated FROM resource_history n WHERE n.rid = r.rid AND n.version = {v}.version + 1),
  r.last_updated) > %s) AND {v}.last_updated < %s"""


@dataclass(frozen=True, slots=True)
class Window:
    """Which versions: those since a moment, those that were current within `at`, and where the page before ended.

    `before` is the last entry's place: its time and change number, or for one resource its time and version number.
    """

    since: datetime | None = None
    at: tuple[datetime, datetime] | None = None
    before: tuple[datetime, int] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A version in a history and its place in it, from which the next page goes on.

    `created` says that nothing was there before it: it is the first version, or the first after a deletion.
    """

    version: Version
    place: tuple[datetime, int]
    created: bool


async def instance(
    connection: psycopg.AsyncConnection, type: str, id: str, access: Predicate, window: Window, limit: int
) -> list[Entry]:
    """At most `limit` versions of one resource; none when it does not exist or `access` does not show it."""
    conditions, params = ["TRUE"], list[object]()
    if window.since is not None:
        conditions.append("v.last_updated >= %s")
        params.append(window.since)
    if window.at is not None:
        conditions.append(_CURRENT.format(v="v"))
        params.extend(window.at)
    if window.before is not None:
        conditions.append("v.version < %s")
        params.append(window.before[1])
    statement = _INSTANCE.format(
        access=access.sql, window=" AND ".join(conditions), created=_CREATED.format(v="v")
    )
    cursor = await connection.execute(statement, (*access.params, RESOURCE_TYPES[type], id, *params, limit))
    return [_entry(row) for row in await cursor.fetchall()]


async def everything(
    connection: psycopg.AsyncConnection, type: str | None, access: Predicate, window: Window, limit: int
) -> list[Entry]:
    """At most `limit` versions of all resources of `type`, or of every type when None.

    With `since`, only what no running transaction can still slip in front of: whoever asks again from the last time
    they saw misses nothing.
    """
    conditions, params = ["TRUE"], list[object]()
    if window.since is not None:
        conditions.append("c.last_updated BETWEEN %s AND %s")
        params += [window.since, await _settled(connection)]
    if window.at is not None:
        conditions.append(_CURRENT.format(v="c"))
        params.extend(window.at)
    if window.before is not None:
        conditions.append("(c.last_updated, c.seq) < (%s, %s)")
        params.extend(window.before)
    statement = _SELECT.format(
        access=access.sql,
        scope="TRUE" if type is None else "c.type = %s",
        window=" AND ".join(conditions),
        created=_CREATED.format(v="c"),
    )
    scope = () if type is None else (RESOURCE_TYPES[type],)
    cursor = await connection.execute(statement, (*access.params, *scope, *params, limit))
    return [_entry(row) for row in await cursor.fetchall()]


async def _settled(connection: psycopg.AsyncConnection) -> datetime:
    """The time up to which everything is there, but for versions of that very millisecond."""
    row = await (await connection.execute(_SETTLED)).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def _entry(row: tuple[object, ...]) -> Entry:
    place, type, id, number, at, method, body, created = row
    text = body.encode() if isinstance(body, str) else None
    return Entry(Version(_TYPES[type], id, number, at, method, text), (at, place), created)  # type: ignore[index, arg-type]  # the statement's columns
