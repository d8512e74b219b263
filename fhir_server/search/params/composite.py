"""Composites: parameters joined by `$`, all of which must hold for one element.

https://hl7.org/fhir/R4/search.html#composite

An element that stands once needs nothing of its own: its parts are asked apart (`single`). Else a number's row carries the
codings of its element (`row`), a pair of tokens is a token itself (`pair`), and two numbers are the ends of one row (`span`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from fhir_server.json import decimal
from fhir_server.search.params import date, hashes, number, quantity, reference, string, token
from fhir_server.search.params.concept import OneOf
from fhir_server.search.params.escapes import split
from fhir_server.search.params.found import Found, Store
from fhir_server.search.params.parameter import Condition, Parameter, Part, Together, Value
from fhir_server.search.params.paths import Node, Path, nodes
from fhir_server.search.params.sql import any_of, conjunction, rows, tokens
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import ParamNumber

READ: Final = frozenset[str]()  # elements of every type: their parts are read
MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({})

# Any: what is asked of each part is of that part's own kind
Asked: TypeAlias = tuple[Any, ...]


class Element(NamedTuple):
    """An element that has all parts, in its resource."""

    resource: Node
    node: Node


def elements(parameter: Parameter, tree: Node) -> Iterator[Element]:
    """The elements of `tree` that have every part."""
    for path in parameter.paths:
        for node in nodes(path, tree):
            found = Element(tree, node)
            if all(any(True for _ in _values(part, found)) for part in parameter.parts):
                yield found


def is_stored(parameter: Parameter) -> bool:
    """Whether there is something to keep for the composite itself."""
    return parameter.together in _STORES


def store(parameter: Parameter, path: Path) -> Store:  # noqa: ARG001 - the signature of every kind
    """What keeps the parts of an element together."""
    return _STORES[parameter.together](parameter)


def wanted(value: Value) -> Asked:
    """What `value` asks of each part. Raises ValueError for too few or many parts, and for a bad one."""
    parts, texts = value.parameter.parts, split(value.text, "$")
    if len(texts) != len(parts):
        form = "$".join(part.parameter.code for part in parts)
        raise ValueError(
            f"has {len(texts)} of {len(parts)} parts. Write `{form}`, and `\\$` for a $ in a part"
        )
    return tuple(_wanted(part, text, value) for part, text in zip(parts, texts, strict=True))


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows with an element that has all parts as asked; where it is `hashed`, possibly some that only seem to."""
    find = _FINDS[condition.parameter.together]
    return any_of(find(condition.parameter, asked) for asked in condition.asked)


def hashed(condition: Condition[Asked]) -> bool:
    """Whether a hash stands for a part that is asked for."""
    if condition.parameter.together == "row":
        return False
    return condition.parameter.together == "pair" or any(
        PARTS[part.parameter.kind].hashed(one)
        for asked in condition.asked
        for part, one in _halves(condition.parameter, asked)
    )


def meets(condition: Condition[Asked], node: Element, _: str, base_url: str) -> bool:
    """Whether the element has all parts as one of `asked` wants them."""
    return any(
        all(_meets(part, one, node, base_url) for part, one in _halves(condition.parameter, asked))
        for asked in condition.asked
    )


def there(parameter: Parameter) -> Predicate:
    """The rows with an element that has every part, read from their bodies."""
    (base,) = parameter.paths
    apart = [part for part in parameter.parts if part.of_resource]
    beside = [part for part in parameter.parts if not part.of_resource]
    return conjunction([_in_body(base, beside), *(_in_body(_RESOURCE, [part]) for part in apart)])


def _halves(parameter: Parameter, asked: Asked) -> Iterator[tuple[Part, Condition[Any]]]:
    """Each part with what is asked of it as a condition on its own."""
    for part, one in zip(parameter.parts, asked, strict=True):
        yield part, Condition(part.parameter, "", (one,))


def _wanted(part: Part, text: str, value: Value) -> object:
    parameter = part.parameter
    half = Value(parameter, "", text, parameter.targets, value.reading)
    try:
        return PARTS[parameter.kind].wanted(half)
    except ValueError as error:
        raise ValueError(f"has `{text[:60]}` for {parameter.code}, which {error}") from error


def _meets(part: Part, condition: Condition[Any], element: Element, base_url: str) -> bool:
    kind = PARTS[part.parameter.kind]
    return any(kind.meets(condition, node, path.datatype, base_url) for node, path in _values(part, element))


def _values(part: Part, element: Element) -> Iterator[tuple[Node, Path]]:
    for path in part.paths:
        for node in nodes(path, element.resource if part.of_resource else element.node):
            yield node, path


# --- an element that stands once -----------------------------------------------------------------------------------


def _single(parameter: Parameter, asked: Asked) -> Predicate:
    found = [PARTS[part.parameter.kind].predicate(condition) for part, condition in _halves(parameter, asked)]
    return conjunction([*found, *_narrower(parameter)])


def _narrower(parameter: Parameter) -> Iterator[Predicate]:
    """Where a part's own parameter reads more than the composite: that it is at one of the composite's places."""
    (base,) = parameter.paths
    for part in parameter.parts:
        whole = {(*base.steps, *path.steps) for path in part.paths}
        if not part.of_resource and whole < {path.steps for path in part.parameter.paths}:
            yield _in_body(base, [part])


# --- a number in a row with the codings of its element ---------------------------------------------------------------


def _row(parameter: Parameter, asked: Asked) -> Predicate:
    (_, code), (part, value) = _halves(parameter, asked)
    sets = token.code_sets(code.asked)
    also = Predicate(f"v.code_set = ANY(ARRAY({sets.sql}))", sets.params)
    return any_of(quantity.entries(part.parameter, one, also) for one in value.asked)


# --- a pair of tokens as one token -----------------------------------------------------------------------------------


def _store_pair(parameter: Parameter) -> Store:
    values = {path.names[0] for path in parameter.parts[1].paths}

    def store_pair(node: Node, found: Found) -> None:
        if values.isdisjoint(node):
            return
        element = Element(None, node)
        sides = [_stored(part, element, found.base_url) for part in parameter.parts]
        found.tokens.update(_pairs(parameter, sides))

    return store_pair


def _pair(parameter: Parameter, asked: Asked) -> Predicate:
    sides = [_ASKED[part.parameter.kind](condition) for part, condition in _halves(parameter, asked)]
    return tokens(_pairs(parameter, sides))


def _pairs(parameter: Parameter, sides: Iterable[Iterable[int]]) -> Iterator[int]:
    for pair in product(*sides):
        yield hashes.token(parameter.prefix, "p", *map(str, pair))


def _stored(part: Part, element: Element, base_url: str) -> set[int]:
    stored = _STORED[part.parameter.kind]
    return {
        one for node, path in _values(part, element) for one in stored(part.parameter, node, path, base_url)
    }


def _stored_tokens(parameter: Parameter, node: Node, path: Path, _: str) -> Iterator[int]:
    stored = token.stored_tokens if parameter.systems is None else token.stored_plain
    for system, code in token.READ[path.datatype](node):
        yield from stored(parameter.prefix, system, code)


def _stored_references(parameter: Parameter, node: Node, _: Path, base_url: str) -> Iterator[int]:
    for key in reference.keys(reference.text_of(node) or "#", base_url):
        yield reference.token(parameter.prefix, key)


def _asked_tokens(condition: Condition[token.Asked | OneOf]) -> list[int]:
    return [found for one in condition.asked for found in token.asked_tokens(condition.parameter, one)]


def _asked_references(condition: Condition[reference.Asked]) -> list[int]:
    return [reference.token(condition.parameter.prefix, key) for one in condition.asked for key in one.keys]


# --- two numbers as the ends of one row ------------------------------------------------------------------------------


def _store_span(parameter: Parameter) -> Store:
    start, end = (part for part in parameter.parts if not part.of_resource)

    def store_span(node: Node, found: Found) -> None:
        element = Element(None, node)
        for (low, _), (high, _) in product(_values(start, element), _values(end, element)):
            found.numbers.append(ParamNumber(parameter.number, decimal(low), decimal(high), None))

    return store_span


def _span(parameter: Parameter, asked: Asked) -> Predicate:
    apart, ends = list[Predicate](), list[Predicate]()
    columns = iter(("v.lo", "v.hi"))
    for part, condition in _halves(parameter, asked):
        if part.of_resource:
            apart.append(PARTS[part.parameter.kind].predicate(condition))
        else:
            column = next(columns)
            ends += [number.lies(one, column, column) for one in condition.asked]
    return conjunction([*apart, rows("resource_number", parameter, conjunction(ends))])


# --- bodies ----------------------------------------------------------------------------------------------------------


def _in_body(base: Path, parts: Iterable[Part]) -> Predicate:
    """The rows with an element at `base` that has each of `parts`, at one of its places."""
    every = " && ".join(f"({_any_place(part)})" for part in parts)
    return Predicate(f"jsonb_path_exists(r.body, '{_steps('$', base)} ? ({every})')")


def _any_place(part: Part) -> str:
    return " || ".join(f"exists({_steps('@', path)})" for path in part.paths)


def _steps(start: str, path: Path) -> str:
    return start + "".join(f'."{name}"' for name in path.names)


_RESOURCE: Final = Path((), "Resource")

PARTS: Final = MappingProxyType(
    {
        "token": token,
        "reference": reference,
        "date": date,
        "string": string,
        "quantity": quantity,
        "number": number,
    }
)

_FINDS: Final[Mapping[Together, Callable[[Parameter, Asked], Predicate]]] = MappingProxyType(
    {"single": _single, "row": _row, "pair": _pair, "span": _span}
)

_STORES: Final[Mapping[Together, Callable[[Parameter], Store]]] = MappingProxyType(
    {"pair": _store_pair, "span": _store_span}
)

_STORED: Final[Mapping[str, Callable[[Parameter, Node, Path, str], Iterator[int]]]] = MappingProxyType(
    {"token": _stored_tokens, "reference": _stored_references}
)
# Any: as in Asked
_ASKED: Final[Mapping[str, Callable[[Condition[Any]], list[int]]]] = MappingProxyType(
    {"token": _asked_tokens, "reference": _asked_references}
)
