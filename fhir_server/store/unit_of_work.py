"""One transaction: what it locks, creates, updates and deletes becomes visible together or not at all.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from fhir_server.clock import instant
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Conflict
from fhir_server.store.devices import assignments
from fhir_server.store.drafts import Draft, stamped
from fhir_server.store.insert import STAMP, index_columns, insert
from fhir_server.store.interning import Interned
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.ranges import replace_ranges
from fhir_server.store.rids import Rids
from fhir_server.store.rows import IndexRow, Method, Version

_LOCK = """
SELECT rid, version, last_updated, method, fingerprint, body::text, ({access}) AS visible
  FROM resource r WHERE type = %s AND id = %s FOR UPDATE"""

_REPLACE = f"""
WITH kept AS (
  INSERT INTO resource_history (rid, version, method, last_updated, body)
  SELECT rid, version, method, last_updated, body FROM resource WHERE rid = %(rid)s),
stamp AS MATERIALIZED (
  SELECT greatest(date_trunc('milliseconds', clock_timestamp()),
                  %(previous)s + interval '1 millisecond') AS now),
replaced AS (
  UPDATE resource SET
    version = %(version)s, method = %(method)s, last_updated = stamp.now, deleted = %(deleted)s,
    patient = (%(patient)s::bigint[])[1], code_set = (%(code_set)s::bigint[])[1],
    date_lo = (%(date_lo)s::timestamptz[])[1], date_hi = (%(date_hi)s::timestamptz[])[1],
    value_lo = (%(value_lo)s::text[])[1]::numeric, value_hi = (%(value_hi)s::text[])[1]::numeric,
    value_unit = (%(value_unit)s::bigint[])[1], tokens = (%(tokens)s::text[])[1]::bigint[],
    fingerprint = %(fingerprint)s,
    body = (%(head)s::text || {STAMP.format(at="stamp.now")} || %(tail)s::text)::jsonb
  FROM stamp WHERE rid = %(rid)s
  RETURNING rid, type, last_updated)
INSERT INTO change_log (type, rid, version, last_updated)
SELECT type, rid, %(version)s, last_updated FROM replaced
RETURNING last_updated"""

_COLUMNS = ("patient", "code_set", "date_lo", "date_hi", "value_lo", "value_hi", "value_unit", "tokens")


@dataclass(frozen=True, slots=True)
class Locked:
    """The current version of a resource, locked until the transaction ends; `visible` to the caller's predicate or not."""

    rid: int
    type: str
    id: str
    version: int
    last_updated: datetime
    method: Method
    fingerprint: int | None
    body: bytes | None
    visible: bool

    @property
    def deleted(self) -> bool:
        """Whether the current version is a deletion."""
        return self.body is None


class UnitOfWork:
    """A transaction on one connection; `Database.transaction` opens and ends it."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow], interned: Interned, rids: Rids) -> None:
        self.connection = connection
        self.interned = interned
        self._rids = rids

    async def lock(self, type: str, id: str, access: Predicate = EVERYTHING) -> Locked | None:
        """The current version, locked, deleted or not; None when there never was one."""
        statement = _LOCK.format(access=access.sql)
        cursor = await self.connection.execute(statement, (*access.params, RESOURCE_TYPES[type], id))
        row = await cursor.fetchone()
        if row is None:
            return None
        rid, version, last_updated, method, fingerprint, body, visible = row
        text = None if body is None else body.encode()
        return Locked(rid, type, id, version, last_updated, method, fingerprint, text, visible)

    async def lock_query(self, key: int) -> None:
        """Holds the lock `key` (a hash of a normalised query) until the end, so that equal conditions wait for each other."""
        await self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (key,))

    async def create(self, draft: Draft) -> Version:
        """Version 1 of a new resource; Conflict when its id was taken meanwhile."""
        (version,) = await self.create_all([draft])
        if version is None:
            raise Conflict(
                f"{draft.type}/{draft.id} was made by another request meanwhile. Send this one again."
            )
        return version

    async def create_all(self, drafts: Sequence[Draft]) -> list[Version | None]:
        """Version 1 of each draft, in order, in one statement; None where the id is taken."""
        rids = await self._rids.take(self.connection, len(drafts))
        versions = await insert(self.connection, self.interned, rids, drafts)
        for draft, version in zip(drafts, versions, strict=True):
            if version is not None and draft.type == assignments.TYPE:
                await assignments.maintain(self.connection, draft.type, draft.id, draft.tree, draft.base_url)
        return versions

    async def update(self, draft: Draft, current: Locked) -> Version:
        """The next version of `current` with the content of `draft`; also brings a deleted resource back."""
        version = current.version + 1
        await self.interned.learn(self.connection, [draft.index.patient], [draft.index.codings])
        body = stamped(draft, version)
        last_updated = await self._replace(
            current, draft.method, draft.index, draft.fingerprint, (body.head, body.tail)
        )
        await assignments.maintain(self.connection, draft.type, draft.id, draft.tree, draft.base_url)
        return Version(
            draft.type, draft.id, version, last_updated, draft.method, body.at(instant(last_updated))
        )

    async def delete(self, current: Locked) -> Version:
        """The version that says that `current` is deleted; its content stays in the history."""
        last_updated = await self._replace(current, "DELETE", IndexRow(), current.fingerprint, (None, None))
        await assignments.maintain(self.connection, current.type, current.id, None)
        return Version(current.type, current.id, current.version + 1, last_updated, "DELETE", None)

    async def _replace(
        self,
        current: Locked,
        method: Method,
        index: IndexRow,
        fingerprint: int | None,
        text: tuple[bytes | None, bytes | None],
    ) -> datetime:
        await replace_ranges(self.connection, current.rid, index)
        head, tail = (part and part.decode() for part in text)
        values = {
            "rid": current.rid,
            "previous": current.last_updated,
            "version": current.version + 1,
            "method": method,
            "deleted": head is None,
            "fingerprint": fingerprint,
            "head": head,
            "tail": tail,
        } | dict(zip(_COLUMNS, index_columns([index], self.interned), strict=True))
        cursor = await self.connection.execute(_REPLACE, values)
        row = await cursor.fetchone()
        if row is None:
            raise Conflict(f"{current.type}/{current.id} changed meanwhile. Send the request again.")
        at: datetime = row[0]
        return at
