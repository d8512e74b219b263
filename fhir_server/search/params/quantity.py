"""Quantities: a number with a unit, asked as `number`, `number|system|code` or `number||unit`.

https://hl7.org/fhir/R4/search.html#quantity

A stored comparator opens the range: `<5` is everything below 5. Units are compared as written, not converted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from fhir_server.json import decimal
from fhir_server.search.params import hashes, number
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Prefix, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.prefix import prefixed
from fhir_server.search.params.sql import any_of, conjunction, rows
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import NumberRange, ParamNumber

MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({})

CURRENCIES: Final = "urn:iso:std:iso:4217"

# less than the distance of any two numbers this server stores (see `fhir_server.json`): `<5` ends this far below 5
_NEXT = Decimal((0, (1,), -400))


class Entry(NamedTuple):
    """A stored range with its unit: system and code, and the unit as people read it."""

    range: number.Entry
    system: str
    code: str
    unit: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A number, and the unit it must have: any (`code` None), of one system, or of whatever system (`system` None)."""

    number: number.Asked
    system: str | None = None
    code: str | None = None


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a quantity: the type's primary one in its columns, any other in a row."""
    read, present = READ[path.datatype], presence(parameter)

    def store_column(node: Node, found: Found) -> None:
        entry = read(node)
        if entry is None:
            found.tokens.update(present)
        else:
            found.value = NumberRange(*entry.range, unit_hash(entry.system, entry.code))

    def store_row(node: Node, found: Found) -> None:
        found.tokens.update(present)
        entry = read(node)
        if entry is not None:
            unit = unit_hash(entry.system, entry.code)
            found.numbers.append(ParamNumber(parameter.number, *entry.range, unit))

    return store_column if parameter.column == "value" else store_row


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
            return Asked(wanted, system or None, code)
    raise ValueError("is no quantity. Write `number`, `number|system|code` or `number||unit`")


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows whose quantity has that unit and lies as asked."""
    one_of = _in_column if condition.parameter.column == "value" else _in_rows
    return any_of(one_of(condition.parameter, one) for one in condition.asked)


def hashed(condition: Condition[Asked]) -> bool:
    """Whether a unit is asked for: it is stored as a hash."""
    return any(one.code is not None for one in condition.asked)


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether the element has that unit and lies as asked."""
    entry = READ[datatype](node)
    return entry is not None and any(matches(one, entry) for one in condition.asked)


def matches(wanted: Asked, entry: Entry) -> bool:
    """Whether the stored quantity has that unit and lies as asked."""
    return matches_unit(wanted, entry) and number.matches(wanted.number, entry.range)


def matches_unit(wanted: Asked, entry: Entry) -> bool:
    """Whether the stored quantity has the unit that is asked for."""
    if wanted.code is None:
        return True
    if wanted.system is None:
        return wanted.code in {entry.code, entry.unit}
    return (wanted.system, wanted.code) == (entry.system, entry.code)


@lru_cache(maxsize=4096)
def unit_hash(system: str, code: str) -> int | None:
    """The number of a unit in the index; None without a code."""
    return hashes.token("unit", system, code) if code else None


def _in_column(parameter: Parameter, wanted: Asked) -> Predicate:
    lies = number.lies(wanted.number, "r.value_lo", "r.value_hi")
    return conjunction([lies, *_unit(parameter, wanted, "r.value_unit")])


def _in_rows(parameter: Parameter, wanted: Asked) -> Predicate:
    lies, unit = number.lies(wanted.number, "v.lo", "v.hi"), _unit(parameter, wanted, "v.unit")
    if wanted.code is None or wanted.system is not None:
        return rows("resource_number", parameter, conjunction([lies, *unit]))
    return conjunction([rows("resource_number", parameter, lies), *unit])


def _unit(parameter: Parameter, wanted: Asked, column: str) -> list[Predicate]:
    if wanted.code is None:
        return []
    if wanted.system is not None:
        return [Predicate(f"{column} = %s", (unit_hash(wanted.system, wanted.code),))]
    return [any_of(_unit_in_body(path.names, path.datatype, wanted.code) for path in parameter.paths)]


def _unit_in_body(names: tuple[str, ...], datatype: str, code: str) -> Predicate:
    """The form without a system asks for the code or the unit as people read it, which only the body has."""
    below = {"Range": (".low", ".high"), "SampledData": (".origin",)}.get(datatype, ("",))
    place = "".join(f'."{name}"' for name in names)
    fields = ("currency",) if datatype == "Money" else ("code", "unit")
    tests = " || ".join(f"@.{field} == $unit" for field in fields)
    return any_of(
        Predicate(
            f"jsonb_path_exists(r.body, '${place}{part} ? ({tests})', jsonb_build_object('unit', %s::text))",
            (code,),
        )
        for part in below
    )


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
