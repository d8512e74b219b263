"""A criterion with its parameter found and its values understood, and whether a resource meets it.

https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch
from fhir_server.search.index import canonical, is_deceased
from fhir_server.search.params import composite, reference
from fhir_server.search.params.catalog import served
from fhir_server.search.params.kinds import KINDS, AnyCondition, modifiers
from fhir_server.search.params.parameter import NEGATIONS, Condition, Modifier, Parameter, Reading, Value
from fhir_server.search.params.paths import Node, nodes
from fhir_server.search.parse import Criterion


def condition(parameter: Parameter, criterion: Criterion, reading: Reading) -> AnyCondition:
    """The condition that `criterion` puts on `parameter`. Raises InvalidSearch for a bad modifier or value."""
    if criterion.modifier == "missing":
        return _missing(parameter, criterion)
    modifier, targets = _modifier(parameter, criterion)
    asked = []
    for text in criterion.values:
        try:
            asked.append(KINDS[parameter.kind].wanted(Value(parameter, modifier, text, targets, reading)))
        except ValueError as error:
            raise InvalidSearch(
                f"{criterion.label}={text[:100]}: the value {error}.", criterion.path
            ) from error
    return Condition(parameter, modifier, tuple(asked))


def meets(wanted: AnyCondition, tree: Node, base_url: str = "") -> bool:
    """Whether the resource in `tree` meets the condition, by its elements alone."""
    if wanted.modifier == "missing":
        return wanted.absent is not any(True for _ in _elements(wanted.parameter, tree))
    kind = KINDS[wanted.parameter.kind]
    found = any(
        kind.meets(wanted, node, datatype, base_url) for node, datatype in _elements(wanted.parameter, tree)
    )
    return found is not (wanted.modifier in NEGATIONS)


def _elements(parameter: Parameter, tree: Node) -> Iterable[tuple[Node, str]]:
    if parameter.prefix == "Patient.deceased":
        yield is_deceased(tree), "boolean"
    if parameter.code == "url" and (named := canonical(parameter.resource_type, tree)):
        yield named, "canonical"
    for code in parameter.union:
        yield from _elements(served(parameter.resource_type)[code], tree)
    if parameter.union:
        return
    if parameter.kind == "composite":
        yield from ((element, "") for element in composite.elements(parameter, tree))
        return
    for path in parameter.paths:
        for node in nodes(path, tree):
            if path.only is None or reference.refers_to(node, path.only):
                yield node, path.datatype


def _missing(parameter: Parameter, criterion: Criterion) -> AnyCondition:
    if criterion.values not in {("true",), ("false",)}:
        asked = f"{criterion.label}={','.join(criterion.values)[:60]}"
        raise InvalidSearch(f"{asked}: the value is `true` or `false`. Give one of them.", criterion.path)
    return Condition(parameter, "missing", (), absent=criterion.values == ("true",))


def _modifier(parameter: Parameter, criterion: Criterion) -> tuple[Modifier, tuple[str, ...]]:
    modifier, served_ones = criterion.modifier, modifiers(parameter)
    if not modifier or modifier in served_ones:
        return modifier, parameter.targets  # type: ignore[return-value] # one of the kind's
    if parameter.kind == "reference" and modifier in RESOURCE_TYPES:
        if modifier in parameter.targets:
            return "", (modifier,)
        raise InvalidSearch(
            f"{criterion.path} never refers to a {modifier}. It takes {_list(parameter.targets)}.",
            criterion.path,
        )
    why = _WHY_NOT.get((parameter.kind, modifier), "")
    raise InvalidSearch(
        f"The modifier :{modifier[:60]} is not served for {criterion.path}, a {parameter.kind}{why}. "
        f"It takes {_list([*served_ones, 'missing'])}.",
        criterion.path,
    )


_NO_HIERARCHY = ": which resource is part of which other is not kept"
_WHY_NOT: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("reference", "above"): _NO_HIERARCHY,
        ("reference", "below"): _NO_HIERARCHY,
        ("string", "text"): ": texts are compared by how they begin, by a part, or whole",
    }
)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
