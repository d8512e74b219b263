"""Small numbers for what repeats in every row: the patient, and the set of codings.

Exact, unlike a hash: a collision here would show another patient's data. See docs/adr/0001-storage-layout.md.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import orjson
import psycopg

from fhir_server.store.arrays import texts

CACHE_LIMIT = 200_000

_K = TypeVar("_K")
Codings = tuple[str, ...]


class Interning:
    """The numbers this process has seen committed."""

    def __init__(self) -> None:
        self.patients: dict[str, int] = {}
        self.code_sets: dict[Codings, int] = {}

    def begin(self) -> "Interned":
        """What one transaction knows: the committed numbers and those it makes itself."""
        return Interned(self)


class Interned:
    """Numbers inside one transaction; `committed` makes the new ones known to the process."""

    def __init__(self, known: Interning) -> None:
        self._known = known
        self._patients: dict[str, int] = {}
        self._code_sets: dict[Codings, int] = {}

    def patient(self, id: str | None) -> int | None:
        """The number of a Patient id that `learn` was given."""
        if id is None:
            return None
        return self._known.patients.get(id) or self._patients[id]

    def code_set(self, codings: Codings) -> int | None:
        """The number of a set of codings that `learn` was given."""
        if not codings:
            return None
        return self._known.code_sets.get(codings) or self._code_sets[codings]

    async def learn(
        self,
        connection: psycopg.AsyncConnection,
        patients: Iterable[str | None],
        code_sets: Iterable[Codings],
    ) -> None:
        """Finds or makes the numbers of what is not known yet; no statement when all are."""
        new = {id for id in patients if id is not None} - self._known.patients.keys() - self._patients.keys()
        if new:
            self._patients |= await _patients(connection, sorted(new))
        unknown = (
            {codings for codings in code_sets if codings}
            - self._known.code_sets.keys()
            - self._code_sets.keys()
        )
        if unknown:
            self._code_sets |= await _code_sets(connection, unknown)

    def committed(self) -> None:
        """Shares the numbers of this transaction with the later ones of this process."""
        _remember(self._known.patients, self._patients)
        _remember(self._known.code_sets, self._code_sets)


def _remember(known: dict[_K, int], new: Mapping[_K, int]) -> None:
    if len(known) + len(new) > CACHE_LIMIT:
        known.clear()
    known.update(new)


async def _patients(connection: psycopg.AsyncConnection, ids: list[str]) -> dict[str, int]:
    names = texts([id.encode() for id in ids])
    await connection.execute(
        "INSERT INTO patient_key (id) SELECT unnest(%s) ON CONFLICT DO NOTHING", (names,)
    )
    found = await connection.execute("SELECT id, key FROM patient_key WHERE id = ANY(%s)", (names,))
    return dict(await found.fetchall())


async def _code_sets(connection: psycopg.AsyncConnection, sets: Iterable[Codings]) -> dict[Codings, int]:
    by_text = {orjson.dumps(codings): codings for codings in sets}
    keys = texts(sorted(by_text))
    await connection.execute(
        """WITH made AS (
             INSERT INTO code_set (codings) SELECT unnest(%s) ON CONFLICT DO NOTHING RETURNING key, codings)
           INSERT INTO code_set_coding (system, code, code_set)
           SELECT split_part(coding, '|', 1), substr(coding, strpos(coding, '|') + 1), made.key
             FROM made, jsonb_array_elements_text(made.codings::jsonb) AS coding
           ON CONFLICT DO NOTHING""",
        (keys,),
    )
    found = await connection.execute("SELECT codings, key FROM code_set WHERE codings = ANY(%s)", (keys,))
    return {by_text[text.encode()]: key for text, key in await found.fetchall()}
