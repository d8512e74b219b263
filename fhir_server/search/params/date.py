"""Dates: every moment and period is a range `[lo, hi)` in UTC, and so is what is asked.

https://hl7.org/fhir/R4/search.html#date

A time without a zone, which only a query may have, is UTC.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Prefix, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.prefix import prefixed
from fhir_server.search.params.sql import any_of, conjunction, rows
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import WIDE, DateRange, ParamDate

MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({})

MIN: Final = datetime.min.replace(tzinfo=UTC)
MAX: Final = datetime.max.replace(tzinfo=UTC)

# ranges no longer than this are "narrow": an ordered index on `lo` can be entered this far before what is asked
NARROW: Final = timedelta(days=1)

_FORM = re.compile(
    r"(\d{4})(-\d\d)?(?(2)(-\d\d)?)(?(3)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)", re.ASCII
)
_GRAINS = tuple(timedelta(microseconds=10 ** (6 - digits)) for digits in range(7))
_MINUTE = timedelta(minutes=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A range `[lo, hi)` and how what is stored must lie to it; that of `ap` is already widened."""

    prefix: Prefix
    lo: datetime
    hi: datetime


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a date: the type's primary one in its columns, any other in a row."""
    read, present = READ[path.datatype], presence(parameter)

    def store_column(node: Node, found: Found) -> None:
        span = read(node)
        if span is None:
            found.tokens.update(present)
            return
        found.date = span
        if _is_wide(span):
            found.tokens.add(WIDE)

    def store_row(node: Node, found: Found) -> None:
        found.tokens.update(present)
        span = read(node)
        if span is not None:
            found.dates.append(ParamDate(parameter.number, *span))

    return store_column if parameter.column == "date" else store_row


def wanted(value: Value) -> Asked:
    """What `value` asks for. Raises ValueError for what is no date."""
    prefix, text = prefixed(value.text)
    return asked(prefix, text, value.reading.now)


def asked(prefix: Prefix, text: str, now: datetime) -> Asked:
    """What is asked; `ap` means a tenth of the time between then and `now` on both sides. Raises ValueError."""
    if not _FORM.fullmatch(text):
        hint = " (a `+` in a URL must be written `%2B`)" if " " in text else ""
        raise ValueError(f"is no date. Write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss][zone]{hint}")
    try:
        lo, hi = span(text)
    except ValueError as error:
        raise ValueError("is no date of the calendar. Correct it") from error
    if prefix == "ap":
        gap = (now - lo if now > lo else lo - now) / 10
        lo, hi = _shift(lo, -gap), _shift(hi, gap)
    return Asked(prefix, lo, hi)


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows whose date lies as asked."""
    match condition.parameter.column:
        case "last_updated":
            return any_of(_instant(one) for one in condition.asked)
        case "date":
            return any_of(lies(one, "r.date_lo", "r.date_hi") for one in condition.asked)
    return rows(
        "resource_date",
        condition.parameter,
        any_of(lies(one, "v.lo", "v.hi") for one in condition.asked),
    )


def hashed(_: Condition[Asked]) -> bool:
    """Never: dates are compared as they are."""
    return False


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether the element lies as asked."""
    entry = READ[datatype](node)
    return entry is not None and any(matches(one, entry) for one in condition.asked)


def matches(wanted: Asked, entry: DateRange) -> bool:
    """Whether the stored range lies as asked."""
    lo, hi = entry
    match wanted.prefix:
        case "eq":
            return wanted.lo <= lo and hi <= wanted.hi
        case "ne":
            return not (wanted.lo <= lo and hi <= wanted.hi)
        case "gt":
            return hi > wanted.hi
        case "lt":
            return lo < wanted.lo
        case "ge":
            return hi > wanted.hi or lo >= wanted.lo
        case "le":
            return lo < wanted.lo or hi <= wanted.hi
        case "sa":
            return lo >= wanted.hi
        case "eb":
            return hi <= wanted.lo
        case "ap":
            return lo < wanted.hi and hi > wanted.lo


def lies(wanted: Asked, lo: str, hi: str) -> Predicate:
    """Rows whose range `[lo, hi)`, two expressions, lies as asked; the first bound is one that an index on `lo` can use."""
    since, until = stamp(wanted.lo), stamp(wanted.hi)
    match wanted.prefix:
        case "eq":
            return _at(f"{lo} >= {{}} AND {lo} < {{}} AND {hi} <= {{}}", since, until, until)
        case "ne":
            return _at(f"NOT ({lo} >= {{}} AND {hi} <= {{}})", since, until)
        case "gt":
            return _at(f"{hi} > {{}}", until)
        case "lt":
            return _at(f"{lo} < {{}}", since)
        case "ge":
            return _at(f"({lo} >= {{}} OR {hi} > {{}})", since, until)
        case "le":
            return _at(f"{lo} < {{}} AND ({lo} < {{}} OR {hi} <= {{}})", until, since, until)
        case "sa":
            return _at(f"{lo} >= {{}}", until)
        case "eb":
            return _at(f"{lo} < {{}} AND {hi} <= {{}}", since, since)
        case "ap":
            return _at(f"{lo} < {{}} AND {hi} > {{}}", until, since)


def stamp(moment: datetime) -> str:
    """`moment` as PostgreSQL reads it; the ends of time are infinite there."""
    if moment == MAX:
        return "infinity"
    return "-infinity" if moment == MIN else moment.isoformat()


def floor(wanted: Asked) -> datetime | None:
    """The least `lo` that a narrow match can have, None where there is no such bound."""
    match wanted.prefix:
        case "eq":
            return wanted.lo
        case "gt":
            return _shift(wanted.hi, -NARROW)
        case "ge" | "ap":
            return _shift(wanted.lo, -NARROW)
        case "sa":
            return wanted.hi
    return None


def span(text: str) -> DateRange:
    """The range that a FHIR date, dateTime or instant covers by its precision. Raises ValueError for no date."""
    if len(text) > 10:
        return _moment(text)
    year, month, day = int(text[:4]), int(text[5:7] or 1), int(text[8:10] or 1)
    lo = datetime(year, month, day, tzinfo=UTC)
    if len(text) == 10:
        return DateRange(lo, _shift(lo, NARROW))
    months = month if len(text) == 7 else 12
    if months < 12:
        return DateRange(lo, lo.replace(month=months + 1))
    return DateRange(lo, MAX if year == 9999 else datetime(year + 1, 1, 1, tzinfo=UTC))


def _at(sql: str, *moments: str) -> Predicate:
    return Predicate(sql.replace("{}", "%s::timestamptz"), moments)


def _instant(wanted: Asked) -> Predicate:
    """`last_updated` is the start of a millisecond, so a bound on its end is one on its start."""
    least = floor(wanted)
    exact = lies(wanted, "r.last_updated", "(r.last_updated + interval '1 millisecond')")
    if least is None or wanted.prefix in {"eq", "sa"}:
        return exact
    bound = (wanted.hi if wanted.prefix == "gt" else wanted.lo) - _MILLISECOND
    return conjunction([_at("r.last_updated >= {}", stamp(bound)), exact])


def _is_wide(span: DateRange) -> bool:
    return span.lo == MIN or span.hi == MAX or span.hi - span.lo > NARROW


def _moment(text: str) -> DateRange:
    if text[17:19] == "60":
        return _moment(f"{text[:17]}59{text[19:]}")
    lo = datetime.fromisoformat(text)
    try:
        lo = lo.astimezone(UTC) if lo.tzinfo else lo.replace(tzinfo=UTC)
    except OverflowError:
        lo = MIN if lo.year == 1 else MAX
    return DateRange(lo, _shift(lo, _grain(text)))


def _grain(text: str) -> timedelta:
    if text[19:20] == ".":
        end = 20
        while text[end : end + 1].isdigit():
            end += 1
        return _GRAINS[min(end - 20, 6)]
    return _GRAINS[0] if text[16:17] == ":" else _MINUTE


def _shift(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return MAX if by > timedelta(0) else MIN


def _period(node: Node) -> DateRange | None:
    start, end = node.get("start"), node.get("end")
    if start is None and end is None:
        return None
    return DateRange(span(start).lo if start else MIN, span(end).hi if end else MAX)


def _timing(node: Node) -> DateRange | None:
    found = [span(event) for event in node.get("event", ()) if event]
    bounds = _period(node.get("repeat", {}).get("boundsPeriod", {}))
    if bounds:
        found.append(bounds)
    return DateRange(min(r.lo for r in found), max(r.hi for r in found)) if found else None


def _no_date(_: Node) -> None:
    return None


# an age, a range of ages or a text in the place of a date is there (`:missing`), and at no time that can be asked
READ: Final[Mapping[str, Callable[[Node], DateRange | None]]] = MappingProxyType(
    {
        "date": span,
        "dateTime": span,
        "instant": span,
        "Period": _period,
        "Timing": _timing,
        "Age": _no_date,
        "Range": _no_date,
        "string": _no_date,
    }
)
