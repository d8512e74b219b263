"""Dead letters: rejected readings with their bytes, until someone has looked at them.

docs/ingest.md, "Dead letters"
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach
from ingest.issue import Issue
from ingest.ports import KeptLetter, Letter

_KEEP: Final = """
INSERT INTO dead_letter AS d (device, format, sha256, payload, received_at, last_at, issues)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::timestamptz[], %s::timestamptz[], %s::jsonb[])
ON CONFLICT (coalesce(device, ''), sha256) WHERE stored_as IS NULL
DO UPDATE SET times = d.times + 1, last_at = excluded.last_at, issues = excluded.issues
"""
_COLUMNS: Final = "number, device, format, payload, received_at, issues, times, stored_as"
_WAITING: Final = f"""
SELECT {_COLUMNS} FROM dead_letter WHERE stored_as IS NULL AND number > %s ORDER BY number LIMIT %s
"""
_GET: Final = f"SELECT {_COLUMNS} FROM dead_letter WHERE number = %s"
_STORED: Final = "UPDATE dead_letter SET stored_as = %s, payload = NULL WHERE number = %s"
_REFUSED: Final = "UPDATE dead_letter SET issues = %s WHERE number = %s"


class StoredDeadLetters:
    """Implements `ingest.ports.DeadLetters`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, letters: Sequence[Letter]) -> None:
        """Return when all are committed; sorted, so that two workers keeping the same letters cannot deadlock."""
        rows = {(letter.device or "", _digest(letter)): letter for letter in letters}
        if not rows:
            return
        ordered = [rows[key] for key in sorted(rows)]
        columns = (
            [letter.device for letter in ordered],
            [letter.format for letter in ordered],
            [_digest(letter) for letter in ordered],
            [letter.payload for letter in ordered],
            [letter.received for letter in ordered],
            [letter.received for letter in ordered],
            [_issues_out(letter.issues) for letter in ordered],
        )
        async with reach(self._database) as connection:
            await connection.execute(_KEEP, columns)

    async def waiting(self, *, after: int = 0, limit: int = 100) -> list[KeptLetter]:
        """The letters that wait, oldest first, numbers above `after`."""
        async with reach(self._database) as connection:
            cursor = await connection.execute(_WAITING, (after, limit))
            return [_kept(row) async for row in cursor]

    async def get(self, number: int) -> KeptLetter | None:
        """One letter, None when there is none of this number."""
        async with reach(self._database) as connection:
            row = await (await connection.execute(_GET, (number,))).fetchone()
        return None if row is None else _kept(row)

    async def stored(self, number: int, references: tuple[str, ...]) -> None:
        """Note what a retry made of it; the payload is dropped, since the resources hold it now."""
        async with reach(self._database) as connection:
            await connection.execute(_STORED, (list(references), number))

    async def refused(self, number: int, issues: tuple[Issue, ...]) -> None:
        """Note why a retry failed."""
        async with reach(self._database) as connection:
            await connection.execute(_REFUSED, (_issues_out(issues), number))


def _digest(letter: Letter) -> bytes:
    return hashlib.sha256(letter.payload).digest()


def _issues_out(issues: tuple[Issue, ...]) -> Jsonb:
    return Jsonb([[issue.code, issue.diagnostics, issue.element, issue.severity] for issue in issues])


def _kept(row: TupleRow) -> KeptLetter:
    number, device, format, payload, received, issues, times, stored_as = row
    said = tuple(Issue(*issue) for issue in issues)
    letter = Letter(device, format, payload or b"", received, said)
    return KeptLetter(number, letter, times, None if stored_as is None else tuple(stored_as))
