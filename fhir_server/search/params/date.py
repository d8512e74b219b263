"""Dates: every moment and period is a range `[lo, hi)` in UTC, and so is what is asked.

https://hl7.org/fhir/R4/search.html#date

A time without a zone, which only a query may have, is UTC.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from fhir_server.search.params.paths import Node
from fhir_server.store.rows import DateRange

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]

MIN: Final = datetime.min.replace(tzinfo=UTC)
MAX: Final = datetime.max.replace(tzinfo=UTC)

# ranges no longer than this are "narrow": an ordered index on `lo` can be entered this far before what is asked
NARROW: Final = timedelta(days=1)

_FORM = re.compile(
    r"(\d{4})(-\d\d)?(?(2)(-\d\d)?)(?(3)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)", re.ASCII
)
_GRAINS = tuple(timedelta(microseconds=10 ** (6 - digits)) for digits in range(7))
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A range `[lo, hi)` and how what is stored must lie to it; that of `ap` is already widened."""

    prefix: Prefix
    lo: datetime
    hi: datetime


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
