"""The units that quantities carry, each kept once with what it measures in UCUM's base units.

https://hl7.org/fhir/R4/search.html#quantity; docs/adr/0012-units-and-composites.md
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import psycopg

from fhir_server.errors import Unprocessable
from fhir_server.store.arrays import bigints, texts
from fhir_server.store.rows import Unit
from terminology.canonical import canonical
from terminology.systems import UCUM

_KEEP: Final = """
INSERT INTO unit (hash, system, code, display, dimension, factor, shift, divisor)
SELECT hash, system, code, display, dimension, factor::numeric, shift::numeric, divisor::numeric
  FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b)
    AS row (hash, system, code, display, dimension, factor, shift, divisor)
ON CONFLICT DO NOTHING"""

_Scale = tuple[str, Decimal, Decimal, Decimal]


async def keep_units(connection: psycopg.AsyncConnection, units: Sequence[Unit]) -> None:
    """Stores those of `units` that are not there. Raises Unprocessable for one whose number is another's."""
    missing = await _missing(connection, units)
    if not missing:
        return
    scales = await asyncio.to_thread(lambda: [_scale(unit) for unit in missing])
    columns = (
        bigints([unit.hash for unit in missing]),
        *(
            texts([text.encode() for text in column])
            for column in zip(*(unit[1:] for unit in missing), strict=True)
        ),
        *(
            texts([None if scale is None else str(scale[part]).encode() for scale in scales])
            for part in range(4)
        ),
    )
    await connection.execute(_KEEP, columns)


async def _missing(connection: psycopg.AsyncConnection, units: Sequence[Unit]) -> list[Unit]:
    cursor = await connection.execute(
        "SELECT hash, system, code, display FROM unit WHERE hash = ANY(%b)",
        (bigints([unit.hash for unit in units]),),
    )
    there = {row[0]: Unit(*row) for row in await cursor.fetchall()}
    for unit in units:
        if there.get(unit.hash, unit) != unit:
            raise Unprocessable(
                f"The unit {unit.code or unit.display} cannot be told from {there[unit.hash].code}. Write it another way.",
                "Quantity.code",
            )
    return [unit for unit in units if unit.hash not in there]


def _scale(unit: Unit) -> _Scale | None:
    found = canonical(unit.code) if unit.system == UCUM else None
    return None if found is None else (found.dimension, found.factor, found.shift, found.divisor)
