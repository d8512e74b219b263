"""Numbers: what is asked is a range by the digits given, what is stored a point or a range.

https://hl7.org/fhir/R4/search.html#number
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from fhir_server.json import decimal
from fhir_server.search.params.date import Prefix
from fhir_server.search.params.paths import Node

EXACT: Final = Context(prec=1000, Emax=MAX_EMAX, Emin=MIN_EMIN)
INFINITE: Final = Decimal("Infinity")

_FORM = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?", re.ASCII)
_HALF = Decimal("0.5")


class Entry(NamedTuple):
    """A stored number, `[lo, hi]`; the ends are the same for a point."""

    lo: Decimal
    hi: Decimal


@dataclass(frozen=True, slots=True)
class Asked:
    """A number with the range `[lo, hi)` that its digits cover; comparisons take the number as exact."""

    prefix: Prefix
    value: Decimal
    lo: Decimal
    hi: Decimal


def asked(prefix: Prefix, text: str) -> Asked:
    """What is asked: `5.4` covers `[5.35, 5.45)`, and `ap` a tenth of it on both sides. Raises ValueError."""
    if not _FORM.fullmatch(text):
        raise ValueError("is no number. Write digits, with a point or an exponent where needed")
    value = Decimal(text)
    half = EXACT.multiply(_HALF, Decimal((0, (1,), int(value.as_tuple().exponent))))
    if prefix == "ap":
        half = max(half, EXACT.divide(abs(value), Decimal(10)))
    return Asked(prefix, value, EXACT.subtract(value, half), EXACT.add(value, half))


def matches(wanted: Asked, entry: Entry) -> bool:
    """Whether the stored number lies as asked."""
    lo, hi = entry.lo, entry.hi
    match wanted.prefix:
        case "eq":
            return wanted.lo <= lo and hi < wanted.hi
        case "ne":
            return not (wanted.lo <= lo and hi < wanted.hi)
        case "gt":
            return hi > wanted.value
        case "lt":
            return lo < wanted.value
        case "ge":
            return hi >= wanted.value
        case "le":
            return lo <= wanted.value
        case "sa":
            return lo > wanted.value
        case "eb":
            return hi < wanted.value
        case "ap":
            return lo <= wanted.hi and hi >= wanted.lo


def _point(node: Node) -> Entry:
    value = decimal(node)
    return Entry(value, value)


def _range(node: Node) -> Entry | None:
    low, high = node.get("low", {}).get("value"), node.get("high", {}).get("value")
    if low is None and high is None:
        return None
    return Entry(-INFINITE if low is None else decimal(low), INFINITE if high is None else decimal(high))


READ: Final[Mapping[str, Callable[[Node], Entry | None]]] = MappingProxyType(
    {"decimal": _point, "integer": _point, "Range": _range}
)
