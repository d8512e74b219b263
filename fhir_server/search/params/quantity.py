"""Quantities: a number with a unit, asked as `number`, `number|system|code` or `number||unit`.

https://hl7.org/fhir/R4/search.html#quantity

A stored comparator opens the range: `<5` is everything below 5. A UCUM unit finds every unit that measures the same,
compared in base units by whole numbers, so that nothing is rounded; any other unit is compared as written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from fhir_server.errors import Unprocessable
from fhir_server.json import decimal
from fhir_server.search.params import hashes, number, token
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Prefix, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.prefix import prefixed
from fhir_server.search.params.sql import any_of, conjunction, rows
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.rows import NumberRange, ParamNumber, Unit
from terminology.canonical import Canonical, canonical
from terminology.systems import UCUM

MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({})

CURRENCIES: Final = "urn:iso:std:iso:4217"

MAX_UNIT: Final = 1_000  # characters of system, code and display together

# less than the distance of any two numbers this server stores (see `fhir_server.json`): `<5` ends this far below 5
_NEXT = Decimal((0, (1,), -400))
_ZERO = Decimal(0)
_NOTHING: Final[dict[str, Node]] = {}


class Entry(NamedTuple):
    """A stored range with its unit: system and code, and how people read it."""

    range: number.Entry
    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A number, and the unit it must have: any (`code` None), of one system, or of whatever system (`system` None).

    `base` is the same in base units, where it is asked in a unit that UCUM has a size for.
    """

    number: number.Asked
    system: str | None = None
    code: str | None = None
    base: "Base | None" = None


@dataclass(frozen=True, slots=True)
class Base:
    """So much of what `dimension` names, times `divisor`."""

    dimension: str
    number: number.Asked
    divisor: Decimal


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a quantity: the type's primary one in its columns, any other in a row."""
    read, present = READ[path.datatype], presence(parameter)

    def store_column(node: Node, found: Found) -> None:
        entry = read(node)
        if entry is None:
            found.tokens.update(present)
        else:
            found.value = NumberRange(*entry.range, unit(entry.system, entry.code, entry.display))

    def store_row(node: Node, found: Found) -> None:
        found.tokens.update(present)
        entry = read(node)
        if entry is not None:
            found.numbers.append(row(parameter, entry))

    return store_column if parameter.column == "value" else store_row


def store_coded(parameter: Parameter, path: Path, code: Path) -> Store:
    """What keeps, of the element above `path`, the quantity together with the codings of the property `code` beside it."""
    name, read, present = path.names[-1], READ[path.datatype], presence(parameter)
    (beside,), read_code = code.names, token.READ[code.datatype]
    place = ".".join((parameter.resource_type, *path.names[:-1], beside))

    def store_row(node: Node, found: Found) -> None:
        value = node.get(name)
        if value is None:
            return
        found.tokens.update(present)
        entry = read(value)
        if entry is not None:
            entries = tuple(read_code(node.get(beside, _NOTHING)))
            found.numbers.append(row(parameter, entry, token.codings(place, entries)))

    return store_row


def wanted(value: Value) -> Asked:
    """What `value` asks for. Raises ValueError for what is no quantity."""
    first, *unit = (unescape(part) for part in split(value.text, "|"))
    prefix, text = prefixed(first)
    return asked(prefix, (text, *unit))


def asked(prefix: Prefix, parts: tuple[str, ...]) -> Asked:
    """What the parts of a value around its `|` ask for. Raises ValueError for anything but the three forms."""
    wanted = number.asked(prefix, parts[0])
    match parts[1:]:
        case ():
            return Asked(wanted)
        case (system, code) if code:
            return Asked(wanted, system or None, code, _base(wanted, system, code))
    raise ValueError("is no quantity. Write `number`, `number|system|code` or `number||unit`")


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows whose quantity has that unit and lies as asked."""
    parameter = condition.parameter
    if parameter.column == "value":
        return any_of(lies(one, "r.value_lo", "r.value_hi", "r.value_unit") for one in condition.asked)
    return any_of(entries(parameter, one) for one in condition.asked)


def hashed(_: Condition[Asked]) -> bool:
    """Never: numbers are compared as they are, and units by what is kept of them."""
    return False


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether the element has that unit and lies as asked."""
    entry = READ[datatype](node)
    return entry is not None and any(matches(one, entry) for one in condition.asked)


def entries(parameter: Parameter, wanted: Asked, also: Predicate = EVERYTHING) -> Predicate:
    """The rows with an entry `v` that lies as asked, has that unit, and meets `also`."""
    return rows("resource_number", parameter, conjunction([lies(wanted, "v.lo", "v.hi", "v.unit"), also]))


def lies(wanted: Asked, lo: str, hi: str, unit: str) -> Predicate:
    """Rows whose range `[lo, hi]` lies as asked in a unit as asked; the three are expressions."""
    if wanted.code is None:
        return number.lies(wanted.number, lo, hi)
    kept = [Predicate(f"u.hash = {unit}")]
    if wanted.base is not None:
        low, high = (f"({end} * u.factor + u.shift) * {wanted.base.divisor}" for end in (lo, hi))
        kept.append(Predicate("u.dimension = %s", (wanted.base.dimension,)))
        kept.append(number.lies(wanted.base.number, low, high, of="%s * u.divisor"))
    else:
        kept += [_written(wanted.system, wanted.code), number.lies(wanted.number, lo, hi)]
    found = conjunction(kept)
    return Predicate(f"EXISTS (SELECT FROM unit u WHERE {found.sql})", found.params)


def matches(wanted: Asked, entry: Entry) -> bool:
    """Whether the stored quantity has that unit and lies as asked."""
    if wanted.base is not None:
        return _matches_base(wanted.base, entry)
    return matches_unit(wanted, entry) and number.matches(wanted.number, entry.range)


def matches_unit(wanted: Asked, entry: Entry) -> bool:
    """Whether the stored quantity has the unit that is asked for, as it is written."""
    if wanted.code is None:
        return True
    if wanted.system is None:
        return wanted.code in {entry.code, entry.display}
    return (wanted.system, wanted.code) == (entry.system, entry.code)


@lru_cache(maxsize=4096)
def unit(system: str, code: str, display: str) -> Unit | None:
    """What is kept of a unit; None where there is neither a code nor a display. Raises Unprocessable for one too long."""
    if not code and not display:
        return None
    size = len(system) + len(code) + len(display)
    if size > MAX_UNIT:
        raise Unprocessable(
            f"A quantity has a unit of {size} characters and at most {MAX_UNIT} can be found. Write a shorter one.",
            "Quantity.unit",
        )
    return Unit(hashes.token("unit", system, code, display), system, code, display)


def row(parameter: Parameter, entry: Entry, codings: tuple[str, ...] = ()) -> ParamNumber:
    """What is stored of a quantity that has no column; `codings` are those of the element that it is the value of."""
    return ParamNumber(parameter.number, *entry.range, unit(entry.system, entry.code, entry.display), codings)


def _base(wanted: number.Asked, system: str, code: str) -> Base | None:
    scale = canonical(code) if system == UCUM else None
    if scale is None:
        return None
    return Base(scale.dimension, number.scaled(wanted, scale.factor, scale.shift), scale.divisor)


def _matches_base(wanted: Base, entry: Entry) -> bool:
    scale = canonical(entry.code) if entry.system == UCUM else None
    if scale is None or scale.dimension != wanted.dimension:
        return False
    return number.matches(
        number.scaled(wanted.number, scale.divisor, _ZERO),
        number.Entry(*(_measured(end, scale, wanted.divisor) for end in entry.range)),
    )


def _measured(end: Decimal, scale: Canonical, divisor: Decimal) -> Decimal:
    return number.EXACT.multiply(number.EXACT.fma(end, scale.factor, scale.shift), divisor)


def _written(system: str | None, code: str) -> Predicate:
    if system is None:
        return Predicate("(u.code = %s OR u.display = %s)", (code, code))
    return Predicate("u.system = %s AND u.code = %s", (system, code))


def _quantity(node: Node) -> Entry | None:
    value = node.get("value")
    if value is None:
        return None
    return _with_unit(_opened(decimal(value), node.get("comparator")), node)


def _opened(value: Decimal, comparator: str | None) -> number.Entry:
    match comparator:
        case "<":
            return number.Entry(-number.INFINITE, number.EXACT.subtract(value, _NEXT))
        case "<=":
            return number.Entry(-number.INFINITE, value)
        case ">":
            return number.Entry(number.EXACT.add(value, _NEXT), number.INFINITE)
        case ">=":
            return number.Entry(value, number.INFINITE)
    return number.Entry(value, value)


def _money(node: Node) -> Entry | None:
    value = node.get("value")
    if value is None:
        return None
    point, currency = decimal(value), node.get("currency", "")
    return Entry(number.Entry(point, point), CURRENCIES, currency, currency)


def _range(node: Node) -> Entry | None:
    found = number.READ["Range"](node)
    return None if found is None else _with_unit(found, node.get("low") or node["high"])


def _sampled_data(node: Node) -> Entry | None:
    samples = [Decimal(word) for word in set(node.get("data", "").split()) - {"E", "U", "L"}]
    if not samples:
        return None
    factor, origin = decimal(node.get("factor", 1)), node["origin"]
    zero = decimal(origin.get("value", 0))
    ends = sorted(number.EXACT.fma(end, factor, zero) for end in (min(samples), max(samples)))
    return _with_unit(number.Entry(*ends), origin)


def _with_unit(found: number.Entry, node: Node) -> Entry:
    return Entry(found, node.get("system", ""), node.get("code", ""), node.get("unit", ""))


READ: Final[Mapping[str, Callable[[Node], Entry | None]]] = MappingProxyType(
    {
        "Quantity": _quantity,
        "Age": _quantity,
        "Duration": _quantity,
        "Money": _money,
        "Range": _range,
        "SampledData": _sampled_data,
    }
)
