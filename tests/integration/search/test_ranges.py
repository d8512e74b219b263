"""Every way that a stored range can lie to one that is asked, by the words of https://hl7.org/fhir/R4/search.html#prefix.

The judge takes ranges for the sets of the points in them; SQL and the comparison in memory must say the same.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations, combinations_with_replacement

from fhir_server.search.params import date, number
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Condition

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
LAST = 8


def judged(prefix, stored, asked, above, below):
    """Whether the set `stored` lies to `asked` as the prefix says; `above` and `below` are what lies on its sides."""
    match prefix:
        case "eq":
            return stored <= asked
        case "ne":
            return not stored <= asked
        case "gt":
            return bool(stored & above)
        case "lt":
            return bool(stored & below)
        case "ge":
            return bool(stored & above) or stored <= asked
        case "le":
            return bool(stored & below) or stored <= asked
        case "sa":
            return stored <= above
        case "eb":
            return stored <= below
    return bool(stored & asked)


async def found(database, sql, columns, params, ranges):
    """The numbers of the rows that meet a condition over `v`."""
    lows, highs = ([one[end] for one in ranges] for end in (0, 1))
    async with database.connection() as connection:
        cursor = await connection.execute(
            f"SELECT ord - 1 FROM unnest({columns}) WITH ORDINALITY AS v(lo, hi, ord) WHERE {sql}",
            (lows, highs, *params),
        )
        return {ord for (ord,) in await cursor.fetchall()}


def day(number):
    if number in {0, LAST}:
        return date.MIN if number == 0 else date.MAX
    return datetime(2013, 3, number, tzinfo=UTC)


async def test_dates_lie_as_their_prefix_says(database):
    every = [*combinations(range(LAST + 1), 2)]
    rows = [(date.stamp(day(lo)), date.stamp(day(hi))) for lo, hi in every]
    for first, last in ((3, 5), (3, 4), (1, 7)):
        asked, below, above = set(range(first, last)), set(range(first)), set(range(last, LAST))
        for prefix in PREFIXES:
            wanted = date.Asked(prefix, day(first), day(last))
            lies = date.lies(wanted, "v.lo", "v.hi")
            by_database = await found(
                database, lies.sql, "%s::timestamptz[], %s::timestamptz[]", lies.params, rows
            )
            for n, (lo, hi) in enumerate(every):
                told = judged(prefix, set(range(lo, hi)), asked, above, below)
                in_memory = date.matches(wanted, date.DateRange(day(lo), day(hi)))
                assert (n in by_database, in_memory) == (told, told), (prefix, first, last, lo, hi)


async def test_instants_lie_as_their_prefix_says(database):
    moments = [datetime(2013, 3, 1, tzinfo=UTC) + timedelta(milliseconds=n) for n in range(LAST)]
    parameter = served("Patient")["_lastUpdated"]
    for first, last in ((3, 5), (3, 4)):
        asked, below, above = set(range(first, last)), set(range(first)), set(range(last, LAST))
        for prefix in PREFIXES:
            wanted = date.Asked(prefix, moments[first], moments[last])
            lies = date.predicate(Condition(parameter, "", (wanted,)))
            sql = lies.sql.replace("r.last_updated", "v.lo")
            by_database = await found(
                database,
                sql,
                "%s::timestamptz[], %s::timestamptz[]",
                lies.params,
                [(one, one) for one in moments],
            )
            told = {n for n in range(LAST) if judged(prefix, {n}, asked, above, below)}
            assert by_database == told, (prefix, first, last)


async def test_numbers_lie_as_their_prefix_says(database):
    # in quarters: 4 is asked, which covers 3 up to but not 5; comparisons take it as exact, `ap` takes both ends
    points = {Decimal(n) / 4 for n in range(4 * LAST + 1)}
    covered = {
        "eq": {p for p in points if 3 <= p < 5},
        "ne": {p for p in points if 3 <= p < 5},
        "ap": {p for p in points if 3 <= p <= 5},
    }
    above, below = {p for p in points if p > 4}, {p for p in points if p < 4}
    every = [*combinations_with_replacement(range(LAST + 1), 2)]
    opened = {0: -number.INFINITE, LAST: number.INFINITE}
    rows = [tuple(opened.get(end, Decimal(end)) for end in one) for one in every]
    for prefix in PREFIXES:
        wanted = number.Asked(prefix, Decimal(4), Decimal(3), Decimal(5))
        lies = number.lies(wanted, "v.lo", "v.hi")
        by_database = await found(database, lies.sql, "%s::numeric[], %s::numeric[]", lies.params, rows)
        for n, (lo, hi) in enumerate(every):
            stored = {p for p in points if lo <= p <= hi}
            if prefix in {"ge", "le"}:  # of numbers: there is some that is 4 or beyond
                told = bool(stored & ((above if prefix == "ge" else below) | {Decimal(4)}))
            else:
                told = judged(prefix, stored, covered.get(prefix, set()), above, below)
            in_memory = number.matches(wanted, number.Entry(*rows[n]))
            assert (n in by_database, in_memory) == (told, told), (prefix, lo, hi)
