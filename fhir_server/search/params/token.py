"""Tokens: codes, identifiers and booleans, asked as `code`, `system|code`, `|code` or `system|`.

https://hl7.org/fhir/R4/search.html#token

Codes and systems are compared as written, case included.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from fhir_server.errors import Unprocessable
from fhir_server.search.params import hashes
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.sql import any_of, conjunction, negation, tokens
from fhir_server.store.predicate import Predicate

MODIFIERS: Final = MappingProxyType[str, frozenset[str]]({"not": frozenset()})

# together, of one CodeableConcept: an entry of their index holds 2,700 bytes
MAX_CODINGS: Final = 2_000


class Entry(NamedTuple):
    """What a resource has: a system (empty when it names none) and a code or value (empty for a bare system)."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query wants: None leaves that side open, an empty `system` means that there is none."""

    system: str | None
    code: str | None


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a token: the type's `code` as its set of codings, any other as hashes."""
    prefix, read, present = parameter.prefix, READ[path.datatype], presence(parameter)
    stored = stored_tokens if parameter.systems is None else stored_plain

    def store_tokens(node: Node, found: Found) -> None:
        found.tokens.update(present)
        for system, code in read(node):
            found.tokens.update(stored(prefix, system, code))

    def store_codings(node: Node, found: Found) -> None:
        found.tokens.update(present)
        found.codings = _codings(prefix, read(node))

    return store_codings if parameter.coded else store_tokens


def _codings(prefix: str, entries: Iterable[Entry]) -> tuple[str, ...]:
    codings = tuple(sorted({f"{system}|{code}" for system, code in entries if system or code}))
    size = sum(len(coding.encode()) for coding in codings)
    if size > MAX_CODINGS:
        raise Unprocessable(
            f"{prefix} has codings of {size} bytes and at most {MAX_CODINGS} can be found. Leave some out.",
            prefix,
        )
    return codings


def wanted(value: Value) -> Asked:
    """What `value` asks for. Raises ValueError when there is nothing to look for."""
    return _without_implied_system(value.parameter, asked_in(value.text))


def asked_in(text: str) -> Asked:
    """What a value asks for, its escapes still in place. Raises ValueError when there is nothing to look for."""
    return asked(tuple(unescape(part) for part in split(text, "|")))


def asked(text: tuple[str, ...]) -> Asked:
    """What the parts of a value around its `|` ask for. Raises ValueError when there is nothing to look for."""
    match text:
        case (code,) if code:
            return Asked(None, code)
        case (system, "") if system:
            return Asked(system, None)
        case (system, code) if code:
            return Asked(system, code)
    raise ValueError("is no token. Write `code`, `system|code`, `|code` or `system|`")


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows that have one of the tokens, or with `:not` none of them."""
    found = _any(condition)
    return negation(found) if condition.modifier == "not" else found


def hashed(condition: Condition[Asked]) -> bool:
    """Whether a hash stands for what is asked; codings and ids are compared as they are, and what is not there too."""
    parameter = condition.parameter
    return not (parameter.coded or parameter.column == "id" or condition.modifier == "not")


def meets(condition: Condition[Asked], node: Node, datatype: str, _: str) -> bool:
    """Whether the element has one of the tokens, whatever the modifier."""
    return any(matches(one, entry) for entry in READ[datatype](node) for one in condition.asked)


def code_sets(asked: Iterable[Asked]) -> Predicate:
    """The query for the sets of codings that hold one of those asked for, without repeats."""
    found = any_of(_of_coding(one) for one in asked)
    return Predicate(f"SELECT DISTINCT code_set FROM code_set_coding WHERE {found.sql}", found.params)


def matches(wanted: Asked, entry: Entry) -> bool:
    """Whether `entry` is what was asked for."""
    return (wanted.system is None or wanted.system == entry.system) and (
        wanted.code is None or wanted.code == entry.code
    )


def asked_token(prefix: str, wanted: Asked) -> int:
    """The one token that a resource with a match carries."""
    if wanted.system is None:
        return hashes.token(prefix, "c", wanted.code or "")
    if wanted.code is None:
        return hashes.token(prefix, "y", wanted.system)
    return hashes.token(prefix, "s", wanted.system, wanted.code)


@lru_cache(maxsize=65_536)
def stored_tokens(prefix: str, system: str, code: str) -> tuple[int, ...]:
    """The tokens that a resource carries for an entry, one for each form it may be asked in."""
    found = []
    if code:
        found += [hashes.token(prefix, "c", code), hashes.token(prefix, "s", system, code)]
    if system:
        found.append(hashes.token(prefix, "y", system))
    return tuple(found)


def stored_plain(prefix: str, system: str, code: str) -> tuple[int, ...]:  # noqa: ARG001 - in place of stored_tokens
    """The token of a code whose parameter implies its system, so that it is asked without one."""
    return (_plain_token(prefix, code),)


@lru_cache(maxsize=8_192)
def _plain_token(prefix: str, code: str) -> int:
    return hashes.token(prefix, "c", code)


def _any(condition: Condition[Asked]) -> Predicate:
    parameter = condition.parameter
    if parameter.coded:
        sets = code_sets(condition.asked)
        return Predicate(f"r.code_set = ANY(ARRAY({sets.sql}))", sets.params)
    if parameter.column == "id":
        ids = [one.code for one in condition.asked if not one.system]
        return Predicate("r.id = ANY(%s::text[])", (ids,))
    return tokens(asked_token(parameter.prefix, one) for one in condition.asked)


def _of_coding(wanted: Asked) -> Predicate:
    parts = (("code", wanted.code), ("system", wanted.system))
    return conjunction(Predicate(f"{column} = %s", (value,)) for column, value in parts if value is not None)


def _without_implied_system(parameter: Parameter, wanted: Asked) -> Asked:
    """A plain code stands for its required binding's system: asked with that system, it is asked without."""
    if parameter.systems is None or wanted.system is None:
        return wanted
    if not wanted.system:
        return Asked(None, wanted.code)
    members = parameter.systems.get(wanted.system, frozenset())
    return Asked(None, wanted.code) if wanted.code in members else wanted


def _plain(node: Node) -> Iterator[Entry]:
    yield Entry("", node)


def _boolean(node: Node) -> Iterator[Entry]:
    yield Entry("", "true" if node else "false")


def _coding(node: Node) -> Iterator[Entry]:
    yield Entry(node.get("system", ""), node.get("code", ""))


def _codeable_concept(node: Node) -> Iterator[Entry]:
    for coding in node.get("coding", ()):
        yield Entry(coding.get("system", ""), coding.get("code", ""))


def _identifier(node: Node) -> Iterator[Entry]:
    yield Entry(node.get("system", ""), node.get("value", ""))


def _contact_point(node: Node) -> Iterator[Entry]:
    value = node.get("value", "")
    yield Entry(node.get("system", ""), value)
    if "use" in node:
        yield Entry(node["use"], value)


READ: Final[Mapping[str, Callable[[Node], Iterator[Entry]]]] = MappingProxyType(
    {
        "boolean": _boolean,
        "code": _plain,
        "id": _plain,
        "string": _plain,
        "uri": _plain,
        "Coding": _coding,
        "CodeableConcept": _codeable_concept,
        "Identifier": _identifier,
        "ContactPoint": _contact_point,
    }
)
