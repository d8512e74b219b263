"""Whether the audit is as it was sealed, and where it is not.

docs/adr/0019-audit.md

What is read back is hashed here and not by the database, which may be whose word is in doubt.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from fhir_server.store.audit.chain import SIZE, START, Seal, is_of, record_hash, seal_digest, vouches
from fhir_server.store.audit.partitions import Month, months
from fhir_server.store.audit.rows import COLUMNS, first_id, moment

Fault: TypeAlias = Literal[
    "altered", "removed", "inserted", "backdated", "seal altered", "seal removed", "seal forged"
]
Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

LATE: Final = timedelta(minutes=10)
"""Between a record's id and its commit there is less than this; a record that is older than the seal before its own by more
was not made when it says."""

_SEALS: Final = (
    "SELECT number, sealed_at, ids, hashes, dropped_below, digest, mac FROM audit_seal ORDER BY number"
)
_RECORDS: Final = f"SELECT {COLUMNS} FROM audit WHERE id = ANY(%s)"
_UNSEALED: Final = """
SELECT a.id FROM audit a
 WHERE a.id >= %(low)s AND a.id < %(high)s
   AND pg_visible_in_snapshot(a.xid, (SELECT snapshot::pg_snapshot FROM audit_sealing))
EXCEPT
SELECT unnest(ids) FROM audit_seal WHERE last >= %(low)s AND first < %(high)s
ORDER BY 1 LIMIT 1000"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was: which record, or which seal where `record` is None."""

    fault: Fault
    seal: int | None
    record: str | None = None


@dataclass(slots=True)
class Verdict:
    """How far the chain was followed and what was found; `anchor` is the end of it, to be kept elsewhere."""

    seals: int = 0
    records: int = 0
    anchor: str = ""
    anchored: bool = False
    findings: list[Finding] = field(default_factory=list)


def anchor(number: int, digest: bytes) -> str:
    """The end of the chain as text: whoever keeps it elsewhere can tell when the chain was cut or made anew."""
    return f"{number}:{digest.hex()}"


async def verify(connection: Connection, key: bytes, known: str | None = None) -> Verdict:
    """Everything that was altered, removed, inserted or put in another order since it was sealed.

    Seals under an earlier master key are good where one under this key vouches for them: its digest is over them all.

    `known` is an anchor from earlier: `anchored` says whether the chain leads through it. Records that are not sealed yet
    are not looked at.
    """
    verdict = Verdict()
    dropped = UUID(int=0)
    before, number, sealed_at = START, 0, None
    forged: list[Finding] = []
    async for seal in _seals(connection):
        if seal.number != number + 1:
            verdict.findings += [Finding("seal removed", gone) for gone in range(number + 1, seal.number)]
        elif not _binds(seal, before):
            verdict.findings.append(Finding("seal altered", seal.number))
        if vouches(key, seal.digest, seal.mac):
            forged.clear()
        elif not is_of(key, seal.digest, seal.mac):
            forged.append(Finding("seal forged", seal.number))
        dropped = max(dropped, seal.dropped_below or dropped)
        before, number = seal.digest, seal.number
        verdict.anchored |= anchor(number, before) == known
        verdict.seals += 1
        verdict.records += len(seal.ids)
        if sealed_at is not None:
            verdict.findings += [
                Finding("backdated", number, str(id)) for id in seal.ids if moment(id) < sealed_at - LATE
            ]
        sealed_at = seal.sealed_at
    verdict.findings += forged
    verdict.anchor = anchor(number, before)
    async for seal in _seals(connection):
        verdict.findings += await _changed(connection, seal, dropped)
    for month in await months(connection):
        verdict.findings += await _inserted(connection, month)
    return verdict


def _binds(seal: Seal, before: bytes) -> bool:
    digest = seal_digest(before, seal.number, seal.sealed_at, seal.ids, seal.hashes, seal.dropped_below)
    return len(seal.hashes) == SIZE * len(seal.ids) and digest == seal.digest


async def _changed(connection: Connection, seal: Seal, dropped: UUID) -> list[Finding]:
    """What of a seal's records is not as it was."""
    expected = {
        id: seal.hashes[SIZE * place : SIZE * (place + 1)]
        for place, id in enumerate(seal.ids)
        if id >= dropped
    }
    if not expected:
        return []
    cursor = await connection.execute(_RECORDS, (list(expected),))
    found = {row[0]: record_hash(row) for row in await cursor.fetchall()}
    removed = [Finding("removed", seal.number, str(id)) for id in expected if id not in found]
    return removed + [
        Finding("altered", seal.number, str(id)) for id, hash in found.items() if hash != expected[id]
    ]


async def _inserted(connection: Connection, month: Month) -> list[Finding]:
    """The records of a month that are in no seal, though they were there when the last one was made."""
    bounds = {"low": first_id(month.start), "high": first_id(month.plus(1).start)}
    cursor = await connection.execute(_UNSEALED, bounds)
    return [Finding("inserted", None, str(id)) for (id,) in await cursor.fetchall()]


async def _seals(connection: Connection) -> AsyncIterator[Seal]:
    async with connection.transaction(), connection.cursor(name="audit_seals") as cursor:
        cursor.itersize = 20
        await cursor.execute(_SEALS)
        async for number, at, ids, hashes, dropped, digest, code in cursor:
            yield Seal(number, at, tuple(ids), hashes, dropped, digest, code)
