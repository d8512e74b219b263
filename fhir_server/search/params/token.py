"""Tokens: codes, identifiers and booleans, asked as `code`, `system|code`, `|code` or `system|`.

https://hl7.org/fhir/R4/search.html#token

How each FHIR type is compared stands in `token_entry`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from fhir_server.errors import InvalidSearch, Unprocessable
from fhir_server.search.params import concept, hashes, identifier_type, media_type, token_entry, token_text
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.identifier_type import Typed
from fhir_server.search.params.media_type import Media
from fhir_server.search.params.parameter import NEGATIONS, Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.sql import any_of, conjunction, negation, tokens
from fhir_server.search.params.token_entry import FOLDS, Entry
from fhir_server.search.params.token_text import Text
from fhir_server.store.predicate import Predicate

READ: Final = token_entry.READ

_CODED = frozenset({"CodeableConcept", "Coding", "code"})

MODIFIERS: Final = MappingProxyType(
    {
        "not": frozenset[str](),
        "text": frozenset(token_text.READ),
        "in": _CODED,
        "not-in": _CODED,
        "above": _CODED,
        "below": _CODED,
        "of-type": frozenset({"Identifier"}),
    }
)

# together, of one CodeableConcept: an entry of their index holds 2,700 bytes
MAX_CODINGS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query wants: None leaves that side open, an empty `system` means that there is none."""

    system: str | None
    code: str | None


# a Question has been answered, and is a OneOf, by the time that rows are looked for
Token: TypeAlias = Asked | Text | Typed | Media | concept.OneOf | concept.Question

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a token: the type's `code` as its set of codings, any other as hashes; and what modifiers ask for."""
    stores = [_store_codings(parameter, path) if parameter.coded else _store_tokens(parameter, path)]
    if path.datatype in token_text.READ:
        stores.append(token_text.store(parameter, path))
    if path.datatype == "Identifier":
        stores.append(identifier_type.store(parameter))
    if media_type.is_media_type(path):
        stores.append(media_type.store(parameter))
    present = presence(parameter)

    def store_all(node: Node, found: Found) -> None:
        found.tokens.update(present)
        for one in stores:
            one(node, found)

    return store_all


def _store_tokens(parameter: Parameter, path: Path) -> Store:
    prefix, read = parameter.prefix, READ[path.datatype]
    stored = _store_of(parameter, path)

    def store_tokens(node: Node, found: Found) -> None:
        for system, code in read(node):
            found.tokens.update(stored(prefix, system, code))

    return store_tokens


def _store_of(parameter: Parameter, path: Path) -> Callable[[str, str, str], tuple[int, ...]]:
    """How the tokens of an entry are made: codes come again and again and are remembered, identifiers never do."""
    if parameter.systems is not None:
        return stored_plain
    return entry_tokens if path.datatype == "Identifier" else stored_tokens


def _store_codings(parameter: Parameter, path: Path) -> Store:
    prefix, read = parameter.prefix, READ[path.datatype]

    def store_codings(node: Node, found: Found) -> None:
        found.codings = codings(prefix, tuple(read(node)))

    return store_codings


@lru_cache(maxsize=8_192)
def codings(prefix: str, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """The set of codings of one element, as it is kept. Raises Unprocessable when they are too long together."""
    found = tuple(sorted({f"{_kept(system)}|{code}" for system, code in entries if system or code}))
    size = sum(len(coding.encode()) for coding in found)
    if size > MAX_CODINGS:
        raise Unprocessable(
            f"{prefix} has codings of {size} bytes and at most {MAX_CODINGS} can be found. Leave some out.",
            prefix,
        )
    return found


def wanted(value: Value) -> Token:
    """What `value` asks for. Raises ValueError when there is nothing to look for."""
    parameter = value.parameter
    match value.modifier:
        case "text":
            return token_text.asked(unescape(value.text))
        case "of-type":
            return identifier_type.asked(value.text)
        case "in" | "not-in":
            return concept.in_value_set(value.text)
        case "below" if any(map(media_type.is_media_type, parameter.paths)):
            return media_type.asked(unescape(value.text))
        case "above" | "below" as direction:
            return concept.related(value.text, direction, parameter)
    return _literal(parameter, value.text)


def _literal(parameter: Parameter, text: str) -> Asked | concept.OneOf:
    if parameter.column == "id" and not _ID.fullmatch(text):
        raise ValueError("is no id. Write the id alone, without a type or an address")
    wanted = _as_stored(parameter, asked_in(text))
    fold = FOLDS.get(parameter.paths[0].datatype) if parameter.paths else None
    if fold is None:
        return wanted
    if isinstance(wanted, concept.OneOf) or wanted.system is not None:
        raise ValueError("has a `|`, and what it is compared with has no system. Write the text alone")
    return Asked(None, fold(wanted.code or ""))


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


def predicate(condition: Condition[Token]) -> Predicate:
    """The rows that have what is asked for, or under a negation those that do not."""
    found = _found(condition.parameter, condition.asked)
    return negation(found) if condition.modifier in NEGATIONS else found


def hashed(condition: Condition[Token]) -> bool:
    """Whether a hash stands for what is asked; codings and ids are compared as they are, and what is not there too."""
    if condition.modifier in NEGATIONS or condition.parameter.column == "id":
        return False
    return not condition.parameter.coded or condition.modifier == "text"


def meets(condition: Condition[Token], node: Node, datatype: str, _: str) -> bool:
    """Whether the element has one of the tokens, negated or not."""
    return any(_meets(one, node, datatype) for one in condition.asked)


def _meets(wanted: Token, node: Node, datatype: str) -> bool:
    match wanted:
        case Asked():
            return any(matches(wanted, entry) for entry in READ[datatype](node))
        case Text():
            return datatype in token_text.READ and token_text.matches(wanted, node, datatype)
        case Typed():
            return identifier_type.matches(wanted, node)
        case Media():
            return media_type.matches(wanted, node)
        case concept.OneOf(codings):
            return any(entry in codings for entry in READ[datatype](node))
    raise _unanswered(wanted)


def code_sets(asked: Iterable[Asked]) -> Predicate:
    """The query for the sets of codings that hold one of those asked for, without repeats."""
    found = any_of(_of_coding(one) for one in asked)
    return Predicate(f"SELECT DISTINCT code_set FROM code_set_coding WHERE {found.sql}", found.params)


def matches(wanted: Asked, entry: Entry) -> bool:
    """Whether `entry` is what was asked for."""
    return (wanted.system is None or wanted.system == entry.system) and (
        wanted.code is None or wanted.code == entry.code
    )


def asked_tokens(parameter: Parameter, wanted: Asked | concept.OneOf) -> list[int]:
    """The tokens one of which a resource with a match carries."""
    if isinstance(wanted, Asked):
        return [asked_token(parameter.prefix, wanted)]
    return concept.asked_tokens(parameter, wanted)


def asked_token(prefix: str, wanted: Asked) -> int:
    """The one token that a resource with a match carries."""
    if wanted.system is None:
        return hashes.token(prefix, "c", wanted.code or "")
    if wanted.code is None:
        return hashes.token(prefix, "y", wanted.system)
    return hashes.token(prefix, "s", wanted.system, wanted.code)


@lru_cache(maxsize=8_192)
def stored_tokens(prefix: str, system: str, code: str) -> tuple[int, ...]:
    """The same as `entry_tokens`, for entries that many resources share."""
    return entry_tokens(prefix, system, code)


def entry_tokens(prefix: str, system: str, code: str) -> tuple[int, ...]:
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


def _found(parameter: Parameter, asked: Iterable[Token]) -> Predicate:
    literal, hashed, others = list[Asked](), list[int](), list[Predicate]()
    for one in asked:
        match one:
            case Asked():
                literal.append(one)
            case Text():
                others.append(token_text.predicate(parameter, one))
            case Typed():
                hashed.append(identifier_type.token(parameter.prefix, one))
            case Media():
                hashed.append(media_type.token(parameter.prefix, one))
            case concept.OneOf():
                others.append(concept.predicate(parameter, one))
            case _:
                raise _unanswered(one)
    return any_of([*_literals(parameter, literal), *([tokens(hashed)] if hashed else []), *others])


def _literals(parameter: Parameter, asked: list[Asked]) -> list[Predicate]:
    if not asked:
        return []
    if parameter.coded:
        sets = code_sets(asked)
        return [Predicate(f"r.code_set = ANY(ARRAY({sets.sql}))", sets.params)]
    if parameter.column == "id":
        return [Predicate("r.id = ANY(%s::text[])", ([one.code for one in asked],))]
    return [tokens(asked_token(parameter.prefix, one) for one in asked)]


def _unanswered(question: concept.Question) -> InvalidSearch:
    """Fails closed: what was not answered must not be taken for met."""
    return InvalidSearch(f"No terminology service is asked about {question} here. Give the codes themselves.")


def _of_coding(wanted: Asked) -> Predicate:
    system = None if wanted.system is None else _kept(wanted.system)
    parts = (("code", wanted.code), ("system", system))
    return conjunction(Predicate(f"{column} = %s", (value,)) for column, value in parts if value is not None)


def _kept(system: str) -> str:
    """The system of a coding that is kept as `system|code`: a URI has no bar of its own but an escaped one."""
    return system.replace("|", "%7C")


def _as_stored(parameter: Parameter, wanted: Asked) -> Asked | concept.OneOf:
    """A plain code implies its required binding's system and is kept without it: asked with it, it is asked without."""
    if parameter.systems is None or wanted.system is None:
        return wanted
    if not wanted.system:
        return Asked(None, wanted.code)
    members = parameter.systems.get(wanted.system, frozenset())
    if wanted.code is None and members:
        return concept.OneOf(frozenset(("", member) for member in members))
    return Asked(None, wanted.code) if wanted.code in members else wanted
