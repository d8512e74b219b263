"""The values of one subject, whatever device measured them, side by side in windows of the same length.

https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-BIN

Windows are counted from 1970 in UTC. Numbers are exact; only a mean may be rounded, four decimals beyond those of its values.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import InvalidRequest
from fhir_server.operations.measured import Wanted, each
from fhir_server.operations.statistic import STATISTICS, Sums

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

MOST_CELLS: Final = 10_000

_CELLS: Final = """
WITH each AS (%(each)),
placed AS (
  SELECT date_bin(%s::interval, at, 'epoch'::timestamptz) AS start, at, rid, device, unit, value,
         concept #>> '{coding,0,system}' AS system, concept #>> '{coding,0,code}' AS code,
         coalesce(concept ->> 'text', concept #>> '{coding,0,display}') AS name
    FROM each)
SELECT start, system, code, min(name), unit, count(*), sum(value), max(scale(value)), min(value), max(value),
       (array_agg(value ORDER BY at DESC, rid DESC))[1], max(at),
       coalesce(array_agg(DISTINCT device) FILTER (WHERE device IS NOT NULL), '{}')
  FROM placed GROUP BY start, system, code, CASE WHEN code IS NULL THEN name END, unit
 ORDER BY start, system, code, min(name), unit LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Cell:
    """What was measured of one code in one unit within `[start, end)`; `devices` are references."""

    start: datetime
    end: datetime
    system: str | None
    code: str | None
    name: str | None
    unit: str
    count: int
    mean: Decimal
    least: Decimal
    most: Decimal
    last: Decimal
    last_at: datetime
    devices: tuple[str, ...]


async def cells(connection: Connection, wanted: Wanted, length: timedelta) -> list[Cell]:
    """What was measured, by window, code and unit; raises InvalidRequest for more than one answer holds."""
    query = each(wanted)
    sql = _CELLS.replace("%(each)", query.sql)
    cursor = await connection.execute(sql, (*query.params, length, MOST_CELLS + 1), prepare=False)
    rows = await cursor.fetchall()
    if len(rows) > MOST_CELLS:
        raise InvalidRequest(
            f"There are more than {MOST_CELLS} values to give. Ask for a longer window, or less time.",
            "window",
        )
    return [_cell(row, length) for row in rows]


def _cell(row: TupleRow, length: timedelta) -> Cell:
    start, system, code, name, unit, count, total, scale, least, most, last, last_at, devices = row
    (mean,) = STATISTICS["average"].of(Sums(count, count, powers=(total, None, None, None), scale=scale))
    assert mean is not None
    return Cell(
        start,
        start + length,
        system,
        code,
        name,
        unit,
        count,
        mean,
        least,
        most,
        last,
        last_at,
        tuple(devices),
    )
