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
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Prefix, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.prefix import prefixed
from fhir_server.search.params.sql import any_of, rows
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import ParamNumber

MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({})

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


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a number: a row without a unit."""
    read, present = READ[path.datatype], presence(parameter)

    def store_row(node: Node, found: Found) -> None:
        found.tokens.update(present)
        entry = read(node)
        if entry is not None:
            found.numbers.append(ParamNumber(parameter.number, *entry, None))

    return store_row


def wanted(value: Value) -> Asked:
    """What `value` asks for. Raises ValueError for what is no number."""
    return asked(*prefixed(value.text))


def asked(prefix: Prefix, text: str) -> Asked:
    """What is asked: `5.4` covers `[5.35, 5.45)`, and `ap` a tenth of it on both sides. Raises ValueError."""
    if not _FORM.fullmatch(text):
        raise ValueError("is no number. Write digits, with a point or an exponent where needed")
    value = Decimal(text)
    half = EXACT.multiply(_HALF, Decimal((0, (1,), int(value.as_tuple().exponent))))
    if prefix == "ap":
        half = max(half, EXACT.divide(abs(value), Decimal(10)))
    return Asked(prefix, value, EXACT.subtract(value, half), EXACT.add(value, half))


def scaled(wanted: Asked, factor: Decimal, shift: Decimal) -> Asked:
    """The same, each number times the positive `factor` plus `shift`."""
    value, lo, hi = (EXACT.fma(end, factor, shift) for end in (wanted.value, wanted.lo, wanted.hi))
    return Asked(wanted.prefix, value, lo, hi)


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows whose number lies as asked."""
    found = any_of(lies(one, "v.lo", "v.hi") for one in condition.asked)
    return rows("resource_number", condition.parameter, found)


def hashed(_: Condition[Asked]) -> bool:
    """Never: numbers are compared as they are."""
    return False


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether the element lies as asked."""
    entry = READ[datatype](node)
    return entry is not None and any(matches(one, entry) for one in condition.asked)


def lies(wanted: Asked, lo: str, hi: str, of: str = "%s") -> Predicate:
    """Rows whose range `[lo, hi]`, two expressions, lies as asked; `of` is the expression of a number asked."""
    match wanted.prefix:
        case "eq":
            return Predicate(
                f"{lo} >= {of} AND {lo} < {of} AND {hi} < {of}", (wanted.lo, wanted.hi, wanted.hi)
            )
        case "ne":
            return Predicate(f"NOT ({lo} >= {of} AND {hi} < {of})", (wanted.lo, wanted.hi))
        case "gt":
            return Predicate(f"{hi} > {of}", (wanted.value,))
        case "lt":
            return Predicate(f"{lo} < {of}", (wanted.value,))
        case "ge":
            return Predicate(f"{hi} >= {of}", (wanted.value,))
        case "le":
            return Predicate(f"{lo} <= {of}", (wanted.value,))
        case "sa":
            return Predicate(f"{lo} > {of}", (wanted.value,))
        case "eb":
            return Predicate(f"{hi} < {of}", (wanted.value,))
        case "ap":
            return Predicate(f"{lo} <= {of} AND {hi} >= {of}", (wanted.hi, wanted.lo))


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
