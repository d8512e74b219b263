"""The values of Observations added up in the database, by code, unit and stretch of the calendar.

https://www.postgresql.org/docs/current/functions-aggregate.html

All numbers are `numeric`, so that sums are exact; only what was converted from another unit may be rounded, at its 16th digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, NamedTuple, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.json import JsonObject
from fhir_server.operations.measured import Wanted, measured
from fhir_server.operations.statistic import FRACTIONS, Sums
from fhir_server.search.params.date import MAX, MIN

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Stretch: TypeAlias = Literal["hour", "day", "week", "month"]

Converted: TypeAlias = tuple[int, str]  # the number of a code asked for, and a unit

MOST_GROUPS: Final = 10_000

_MORE_DIGITS: Final = 8  # that a value may have after it was converted
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SUMS: Final = """
WITH measured AS ({measured}),
scaled AS (
  SELECT m.asked, m.code, m.at, coalesce(s.target, m.unit) AS unit,
         CASE WHEN s.unit IS NULL THEN m.value
              ELSE m.value * s.factor / s.divisor + s.shift / s.shift_divisor END AS value,
         scale(m.value) + CASE WHEN s.unit IS NULL THEN 0 ELSE {more} END AS scale
    FROM measured m LEFT JOIN unnest(%s::int[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[])
      AS s (asked, unit, target, factor, divisor, shift, shift_divisor) ON s.asked = m.asked AND s.unit = m.unit),
placed AS (
  SELECT asked, code, CASE WHEN value IS NOT NULL THEN unit END AS unit, value, at, scale,
         CASE WHEN value IS NOT NULL THEN extract(epoch FROM at) END AS x,
         date_trunc(%s::text, at, %s) AS start
    FROM scaled),
added AS (
  SELECT asked, code, unit, start, min(at) AS first, max(at) AS last, count(*) AS total, count(value) AS n,
         min(value) AS least, max(value) AS most, sum(value) AS v{powers}, coalesce(max(scale), 0) AS scale{line}{sorted}
    FROM placed GROUP BY asked, code, unit, start)
SELECT asked, code, unit, extract(epoch FROM start),
       extract(epoch FROM CASE WHEN %s::text = 'hour' THEN start + interval '1 hour'
                               ELSE (start AT TIME ZONE %s + %s::interval) AT TIME ZONE %s END),
       extract(epoch FROM first), extract(epoch FROM last), total, n, least, most, scale,
       v, {v}, {x}{near}
  FROM added ORDER BY asked, code NULLS FIRST, unit NULLS LAST, start LIMIT %s"""

_POWERS: Final = (
    ", sum(value * value) AS v2, sum(value * value * value) AS v3, sum(value * value * value * value) AS v4"
)
_LINE: Final = ", sum(x) AS x, sum(x * x) AS xx, sum(x * value) AS xy"
_SORTED: Final = ", array_agg(value ORDER BY value) FILTER (WHERE value IS NOT NULL) AS sorted"


@dataclass(frozen=True, slots=True)
class Calendar:
    """By which stretch of the calendar (None: not at all) of which time zone values are told apart."""

    by: Stretch | None
    zone: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What is wanted beside the plain sums: the higher powers, the sums of a regression, the values at percentiles."""

    powers: bool
    line: bool
    percentiles: bool


class Scale(NamedTuple):
    """How values in one unit become values in another: `value * factor + shift`."""

    target: str
    factor: Fraction
    shift: Fraction


@dataclass(frozen=True, slots=True)
class Group:
    """What was added up of one code (`code`: that of a component or member; None: the one asked for) and one unit.

    `unit` is None where nothing has a value that counts. `stretch` is that of the calendar, None when all are together;
    `first` and `last` are the times of the Observations.
    """

    asked: int
    code: JsonObject | None
    unit: str | None
    stretch: tuple[datetime, datetime] | None
    first: datetime | None
    last: datetime | None
    sums: Sums


async def groups(
    connection: Connection,
    wanted: Wanted,
    calendar: Calendar,
    needs: Needs,
    scales: Mapping[Converted, Scale],
) -> list[Group]:
    """The groups by code, unit and time, at most `MOST_GROUPS` and one; values in the units of `scales` are converted."""
    query, by, zone = measured(wanted), calendar.by, calendar.zone
    sql = _SUMS.format(
        measured=query.sql,
        more=_MORE_DIGITS,
        powers=_POWERS if needs.powers else "",
        v="v2, v3, v4" if needs.powers else "NULL, NULL, NULL",
        line=_LINE if needs.line else "",
        x="x, xx, xy" if needs.line else "NULL, NULL, NULL",
        sorted=_SORTED if needs.percentiles else "",
        near=_near() if needs.percentiles else "",
    )
    step = None if by is None else f"1 {by}"
    params = (*query.params, *_columns(scales), by, zone, by, zone, step, zone, MOST_GROUPS + 1)
    cursor = await connection.execute(sql, params, prepare=False)
    since = None if wanted.lo == MIN else Decimal(str(wanted.lo.timestamp()))
    return [_group(row, since) for row in await cursor.fetchall()]


async def sources(connection: Connection, wanted: Wanted, limit: int) -> list[str]:
    """The Observations whose values counted, at most `limit`, the newest first."""
    query = measured(wanted)
    sql = f"""SELECT r.body::text FROM resource r
 WHERE r.rid IN (SELECT rid FROM ({query.sql}) AS m WHERE m.value IS NOT NULL) ORDER BY r.date_lo DESC, r.rid LIMIT %s"""
    cursor = await connection.execute(sql, (*query.params, limit), prepare=False)
    return [body for (body,) in await cursor.fetchall()]


def _columns(scales: Mapping[Converted, Scale]) -> tuple[object, ...]:
    each = scales.values()
    return (
        [asked for asked, _ in scales],
        [unit for _, unit in scales],
        [one.target for one in each],
        [Decimal(one.factor.numerator) for one in each],
        [Decimal(one.factor.denominator) for one in each],
        [Decimal(one.shift.numerator) for one in each],
        [Decimal(one.shift.denominator) for one in each],
    )


def _near() -> str:
    """The values at both sides of each fraction of the sorted ones, which are counted from 1."""
    places = [f"(n - 1) * {one.numerator} / {one.denominator}::numeric" for one in FRACTIONS]
    return "".join(f", sorted[1 + floor({one})::int], sorted[1 + ceil({one})::int]" for one in places)


def _group(row: TupleRow, since: Decimal | None) -> Group:
    """A group; its line is told from the start of its stretch, of the time asked for, or from its first Observation."""
    asked, code, unit, start, till, first, last, total, n, least, most, scale, *rest = row
    v, v2, v3, v4, x, xx, xy, *near = rest
    return Group(
        asked=asked,
        code=code,
        unit=unit,
        stretch=None if start is None else (_moment(start), _moment(till)),
        first=_moment(first),
        last=_moment(last),
        sums=Sums(
            total=total,
            count=n,
            least=least,
            most=most,
            powers=(v, v2, v3, v4),
            x=x,
            xx=xx,
            xy=xy,
            origin=next(one for one in (start, since, first) if one is not None),
            nearby=tuple(zip(near[::2], near[1::2], strict=True)),
            scale=scale,
        ),
    )


def _moment(seconds: Decimal) -> datetime:
    """The moment that many seconds from 1970, as near as a datetime can be."""
    try:
        return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        return MAX if seconds > 0 else MIN
