"""Small numbers for what repeats in every row: the patient, the set of codings; units and texts, each kept once.

Numbers are exact, unlike a hash: a collision here would show another patient's data. See docs/adr/0001-storage-layout.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import TypeVar

import orjson
import psycopg

from fhir_server.store.arrays import texts
from fhir_server.store.mentions import Mention, keep_mentions
from fhir_server.store.rows import IndexRow, ParamText, Unit
from fhir_server.store.token_texts import keep_texts
from fhir_server.store.units import keep_units

CACHE_LIMIT = 200_000

_K = TypeVar("_K")
Codings = tuple[str, ...]


class Interning:
    """The numbers this process has seen committed."""

    def __init__(self) -> None:
        self.patients: dict[str, int] = {}
        self.code_sets: dict[Codings, int] = {}
        self.units: dict[Unit, int] = {}
        self.texts: dict[ParamText, int] = {}
        self.mentions: dict[Mention, int] = {}

    def begin(self) -> "Interned":
        """What one transaction knows: the committed numbers and those it makes itself."""
        return Interned(self)


class Interned:
    """Numbers inside one transaction; `committed` makes the new ones known to the process.

    `newly_mentioned` are the mentions that were first made here.
    """

    def __init__(self, known: Interning) -> None:
        self._process = known
        self._known = copy(known)  # the process may forget, but not what a transaction relies on
        self._patients: dict[str, int] = {}
        self._code_sets: dict[Codings, int] = {}
        self._units: dict[Unit, int] = {}
        self._texts: dict[ParamText, int] = {}
        self._mentions: dict[Mention, int] = {}
        self.newly_mentioned: set[Mention] = set()

    def patient(self, id: str | None) -> int | None:
        """The number of a Patient id that `learn` was given."""
        return None if id is None else self._patient(id)

    def _patient(self, id: str) -> int:
        return self._known.patients.get(id) or self._patients[id]

    def code_set(self, codings: Codings) -> int | None:
        """The number of a set of codings that `learn` was given."""
        if not codings:
            return None
        return self._known.code_sets.get(codings) or self._code_sets[codings]

    def knows(self, rows: Sequence[IndexRow]) -> bool:
        """Whether `learn` would find nothing new in `rows`."""
        return not any(self._unknown(rows))

    async def learn(self, connection: psycopg.AsyncConnection, rows: Sequence[IndexRow]) -> None:
        """Finds or makes the numbers of what `rows` have and is not known yet; no statement when all is."""
        patients, sets, units, read = self._unknown(rows)
        if patients:
            self._patients |= await _patients(connection, sorted(patients))
        if sets:
            self._code_sets |= await _code_sets(connection, sets)
        if units:
            await keep_units(connection, sorted(units))
            self._units |= {unit: unit.hash for unit in units}
        if read:
            await keep_texts(connection, sorted(read))
            self._texts |= {text: text.token for text in read}

    async def mention(
        self, connection: psycopg.AsyncConnection, owned: Iterable[tuple[str | None, IndexRow]]
    ) -> None:
        """Keeps what each row names as named by its owner, a Patient by id; no statement when all is known."""
        named = [(patient, row) for patient, row in owned if patient is not None and row.mentions]
        strangers = {patient for patient, _ in named} - self._known.patients.keys() - self._patients.keys()
        if strangers:
            self._patients |= await _patients(connection, sorted(strangers))
        mentions = {Mention(self._patient(id), *one) for id, row in named for one in row.mentions}
        mentions = mentions - self._known.mentions.keys() - self._mentions.keys()
        if mentions:
            self.newly_mentioned |= await keep_mentions(connection, sorted(mentions))
            self._mentions |= dict.fromkeys(mentions, 1)

    def _unknown(self, rows: Sequence[IndexRow]) -> tuple[set[str], set[Codings], set[Unit], set[ParamText]]:
        """The patients, sets of codings, units and texts that `rows` have and that are not known yet."""
        patients = {row.patient for row in rows if row.patient is not None}
        sets = {row.codings for row in rows if row.codings}
        sets |= {number.codings for row in rows for number in row.numbers if number.codings}
        read = {text for row in rows for text in row.texts}
        return (
            patients - self._known.patients.keys() - self._patients.keys(),
            sets - self._known.code_sets.keys() - self._code_sets.keys(),
            _units(rows) - self._known.units.keys() - self._units.keys(),
            read - self._known.texts.keys() - self._texts.keys(),
        )

    def committed(self) -> None:
        """Shares the numbers of this transaction with the later ones of this process."""
        process = self._process
        process.patients = _remembered(process.patients, self._patients)
        process.code_sets = _remembered(process.code_sets, self._code_sets)
        process.units = _remembered(process.units, self._units)
        process.texts = _remembered(process.texts, self._texts)
        process.mentions = _remembered(process.mentions, self._mentions)


def _remembered(known: dict[_K, int], new: Mapping[_K, int]) -> dict[_K, int]:
    if len(known) + len(new) > CACHE_LIMIT:
        return dict(new)
    known.update(new)
    return known


def _units(rows: Sequence[IndexRow]) -> set[Unit]:
    found = {row.value.unit for row in rows if row.value is not None and row.value.unit is not None}
    return found | {number.unit for row in rows for number in row.numbers if number.unit is not None}


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
