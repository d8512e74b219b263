"""Which resources that belong to no patient a patient's data name: practitioners, devices, the files of documents.

docs/adr/0017-access.md

Whoever may see a patient's record may see what it names. A mention is kept for good: what was once readable as a part of a
record stays so when the resource that named it is gone.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import psycopg

from fhir_server.store.arrays import bigints, smallints, texts
from fhir_server.store.rows import IndexRow

PATIENT: Final = "Patient"

_KEEP: Final = """
INSERT INTO patient_mention (patient, type, id) SELECT * FROM unnest(%b, %b, %b)
ON CONFLICT DO NOTHING RETURNING patient, type, id"""


class Mention(NamedTuple):
    """A resource, by its type's number and its id, that the data of a patient (their number) name."""

    patient: int
    type: int
    id: str


def owner(type: str, id: str, row: IndexRow) -> str | None:
    """The id of the Patient in whose name a resource names others: the one it is about, or itself."""
    return id if type == PATIENT else row.patient


async def keep_mentions(connection: psycopg.AsyncConnection, new: Sequence[Mention]) -> set[Mention]:
    """Those of `new` that nobody had made before; give them sorted, so that no two transactions wait for each other."""
    columns = (
        bigints([one.patient for one in new]),
        smallints([one.type for one in new]),
        texts([one.id.encode() for one in new]),
    )
    cursor = await connection.execute(_KEEP, columns)
    return {Mention(*row) for row in await cursor.fetchall()}
