"""The current versions of resources, locked until the transaction ends.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.arrays import bigints, smallints, texts
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Key, Method, Version

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}

_LOCK = """
SELECT r.rid, r.type, r.id, r.version, r.last_updated, r.method, r.fingerprint, r.body::text,
       (SELECT p.id FROM patient_key p WHERE p.key = r.patient), {visible}
  FROM resource r JOIN unnest(%b, %b, %b) AS key (type, id, access) ON r.type = key.type AND r.id = key.id
 ORDER BY r.type, r.id FOR UPDATE OF r"""

_LOCK_QUERIES = "SELECT pg_advisory_xact_lock(key) FROM unnest(%b) AS key"


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
    patient: str | None = None

    @property
    def as_version(self) -> Version:
        """The same, as those read it who need no lock."""
        return Version(
            self.type, self.id, self.version, self.last_updated, self.method, self.body, self.patient
        )

    @property
    def deleted(self) -> bool:
        """Whether the current version is a deletion."""
        return self.body is None


async def lock(connection: psycopg.AsyncConnection, wanted: Mapping[Key, Predicate]) -> dict[Key, Locked]:
    """Those of `wanted` that exist, deleted or not, their rows locked in one order; each told whether its predicate shows it."""
    if not wanted:
        return {}
    predicates = _distinct(wanted.values())
    statement = _LOCK.format(visible=_visible(predicates))
    columns = (
        smallints([RESOURCE_TYPES[type] for type, _ in wanted]),
        texts([id.encode() for _, id in wanted]),
        bigints([predicates.index(access) for access in wanted.values()]),
    )
    params = [value for access in predicates for value in access.params]
    cursor = await connection.execute(statement, (*params, *columns))
    return {
        (_TYPES[type], id): Locked(
            rid, _TYPES[type], id, version, at, method, fingerprint, body and body.encode(), visible, patient
        )
        for rid, type, id, version, at, method, fingerprint, body, patient, visible in await cursor.fetchall()
    }


async def lock_queries(connection: psycopg.AsyncConnection, keys: set[int]) -> None:
    """Holds the locks `keys` (hashes of normalised queries) until the end, taken in one order."""
    await connection.execute(_LOCK_QUERIES, (bigints(sorted(keys)),))


def _distinct(predicates: Iterable[Predicate]) -> list[Predicate]:
    """Each predicate once: a caller has few, whose parameters need not be hashable."""
    found: list[Predicate] = []
    for access in predicates:
        if access not in found:
            found.append(access)
    return found


def _visible(predicates: list[Predicate]) -> str:
    if len(predicates) == 1:
        return f"({predicates[0].sql})"
    cases = " ".join(f"WHEN {number} THEN ({access.sql})" for number, access in enumerate(predicates))
    return f"CASE key.access {cases} END"
