"""A criterion with its parameter found and its values understood, and whether a resource meets it.

https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch
from fhir_server.search.index import is_deceased
from fhir_server.search.params import date, number, quantity, reference, string, token
from fhir_server.search.params.catalog import Kind, Parameter, served
from fhir_server.search.params.paths import Node, nodes
from fhir_server.search.parse import Criterion, split, unescape

Asked: TypeAlias = (
    token.Asked | reference.Asked | date.Asked | string.Asked | quantity.Asked | number.Asked | str
)
Modifier = Literal["", "not", "missing", "exact", "contains", "identifier"]

_PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
_MODIFIERS: Final[Mapping[Kind, frozenset[str]]] = MappingProxyType(
    {
        "token": frozenset({"not"}),
        "string": frozenset({"exact", "contains"}),
        "reference": frozenset({"identifier"}),
        "date": frozenset(),
        "quantity": frozenset(),
        "number": frozenset(),
        "uri": frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a resource must meet: one of `asked` under `parameter`; for `missing`, `absent` says which way."""

    parameter: Parameter
    modifier: Modifier
    asked: tuple[Asked, ...]
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What values are read against: the time of the request and the address that our own references start with."""

    now: datetime
    base_url: str


def condition(parameter: Parameter, criterion: Criterion, reading: Reading) -> Condition:
    """The condition that `criterion` puts on `parameter`. Raises InvalidSearch for a bad modifier or value."""
    if criterion.modifier == "missing":
        return _missing(parameter, criterion)
    modifier, targets = _modifier(parameter, criterion)
    asked = []
    for value in criterion.values:
        try:
            asked.append(_asked(parameter, modifier, targets, value, reading))
        except ValueError as error:
            raise InvalidSearch(
                f"{criterion.label}={value[:100]}: the value {error}.", criterion.name
            ) from error
    return Condition(parameter, modifier, tuple(asked))


def meets(wanted: Condition, tree: Node, base_url: str = "") -> bool:
    """Whether the resource in `tree` meets the condition, by its elements alone."""
    if wanted.modifier == "missing":
        return wanted.absent is not any(True for _ in _elements(wanted.parameter, tree))
    found = any(
        _MATCHES[wanted.parameter.kind](wanted, node, datatype, base_url)
        for node, datatype in _elements(wanted.parameter, tree)
    )
    return found is not (wanted.modifier == "not")


def _elements(parameter: Parameter, tree: Node) -> Iterable[tuple[Node, str]]:
    if parameter.prefix == "Patient.deceased":
        yield is_deceased(tree), "boolean"
    for code in parameter.union:
        yield from _elements(served(parameter.resource_type)[code], tree)
    if parameter.union:
        return
    for path in parameter.paths:
        for node in nodes(path, tree):
            if path.only is None or reference.refers_to(node, path.only):
                yield node, path.datatype


def _missing(parameter: Parameter, criterion: Criterion) -> Condition:
    if criterion.values not in {("true",), ("false",)}:
        raise InvalidSearch(f"{criterion.label} is `true` or `false`. Give one of them.", criterion.name)
    return Condition(parameter, "missing", (), absent=criterion.values == ("true",))


def _modifier(parameter: Parameter, criterion: Criterion) -> tuple[Modifier, tuple[str, ...]]:
    modifier = criterion.modifier
    if not modifier or modifier in _MODIFIERS[parameter.kind]:
        return modifier, parameter.targets  # type: ignore[return-value] # one of the table's
    if parameter.kind == "reference" and modifier in RESOURCE_TYPES:
        if modifier in parameter.targets:
            return "", (modifier,)
        raise InvalidSearch(
            f"{criterion.name} never refers to a {modifier}. It takes {_list(parameter.targets)}.",
            criterion.name,
        )
    known = _list([*_MODIFIERS[parameter.kind], "missing"])
    raise InvalidSearch(
        f"The modifier :{modifier[:60]} is not served for {criterion.name}, a {parameter.kind}. It takes {known}.",
        criterion.name,
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _asked(
    parameter: Parameter, modifier: Modifier, targets: tuple[str, ...], value: str, reading: Reading
) -> Asked:
    parts = tuple(unescape(part) for part in split(value, "|"))
    match parameter.kind:
        case "token":
            return _without_implied_system(parameter, token.asked(parts))
        case "reference" if modifier == "identifier":
            return token.asked(parts)
        case "reference":
            return _reference(parameter, unescape(value), targets, reading.base_url)
        case "date":
            prefix, rest = _prefixed(value)
            return date.asked(prefix, rest, reading.now)
        case "number":
            return number.asked(*_prefixed(value))
        case "quantity":
            prefix, rest = _prefixed(parts[0])
            return quantity.asked(prefix, (rest, *parts[1:]))
        case "string":
            return string.asked(unescape(value), modifier if modifier in {"exact", "contains"} else "starts")
        case "uri":
            return unescape(value)


def _reference(parameter: Parameter, value: str, targets: tuple[str, ...], base_url: str) -> reference.Asked:
    wanted = reference.asked(value, targets, base_url)
    if targets != parameter.targets and {reference.type_of(key) for key in wanted.keys} != set(targets):
        raise ValueError(f"does not name a {targets[0]}. Write an id or `{targets[0]}/id`")
    return wanted


def _without_implied_system(parameter: Parameter, wanted: token.Asked) -> token.Asked:
    """A plain code stands for its required binding's system: asked with that system, it is asked without."""
    if parameter.systems is None or wanted.system is None:
        return wanted
    if not wanted.system:
        return token.Asked(None, wanted.code)
    members = parameter.systems.get(wanted.system, frozenset())
    if wanted.code in members:
        return token.Asked(None, wanted.code)
    return wanted


def _prefixed(value: str) -> tuple[date.Prefix, str]:
    if value[:2] in _PREFIXES:
        return value[:2], value[2:]  # type: ignore[return-value] # one of the table's
    return "eq", value


def _token_matches(wanted: Condition, node: Node, datatype: str, _: str) -> bool:
    return any(token.matches(one, entry) for entry in token.READ[datatype](node) for one in wanted.asked)  # type: ignore[arg-type] # asked by kind


def _reference_matches(wanted: Condition, node: Node, _: str, base_url: str) -> bool:
    if wanted.modifier == "identifier":
        named = node.get("identifier") if isinstance(node, dict) else None
        return named is not None and _token_matches(wanted, named, "Identifier", base_url)
    return any(reference.matches(one, node, base_url) for one in wanted.asked)  # type: ignore[arg-type] # asked by kind


def _date_matches(wanted: Condition, node: Node, datatype: str, _: str) -> bool:
    entry = date.READ[datatype](node)
    return entry is not None and any(date.matches(one, entry) for one in wanted.asked)  # type: ignore[arg-type] # asked by kind


def _number_matches(wanted: Condition, node: Node, datatype: str, _: str) -> bool:
    entry = number.READ[datatype](node)
    return entry is not None and any(number.matches(one, entry) for one in wanted.asked)  # type: ignore[arg-type] # asked by kind


def _quantity_matches(wanted: Condition, node: Node, datatype: str, _: str) -> bool:
    entry = quantity.READ[datatype](node)
    return entry is not None and any(quantity.matches(one, entry) for one in wanted.asked)  # type: ignore[arg-type] # asked by kind


def _string_matches(wanted: Condition, node: Node, datatype: str, _: str) -> bool:
    return any(string.matches(one, text) for text in string.READ[datatype](node) for one in wanted.asked)  # type: ignore[arg-type] # asked by kind


def _uri_matches(wanted: Condition, node: Node, _: str, __: str) -> bool:
    return node in wanted.asked


_MATCHES: Final[Mapping[Kind, Callable[[Condition, Node, str, str], bool]]] = MappingProxyType(
    {
        "token": _token_matches,
        "reference": _reference_matches,
        "date": _date_matches,
        "number": _number_matches,
        "quantity": _quantity_matches,
        "string": _string_matches,
        "uri": _uri_matches,
    }
)
