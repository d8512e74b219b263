"""Codes by what they mean: in a value set, or above or below another code; a terminology service must say which.

https://hl7.org/fhir/R4/search.html#token

`search/terminology.py` has each question answered before the search is compiled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fhir_server.search.params import hashes
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.sql import tokens
from fhir_server.store.predicate import NOTHING, Predicate

Direction = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class InValueSet:
    """Asks which codings are in a value set, named by its canonical URL or by `ValueSet/id`."""

    value_set: str

    def __str__(self) -> str:
        return f"value set {self.value_set}"


@dataclass(frozen=True, slots=True)
class Related:
    """Asks which codings are above or below this one, itself included."""

    direction: Direction
    system: str
    code: str

    def __str__(self) -> str:
        return f"what is {self.direction} {self.system}|{self.code}"


Question: TypeAlias = InValueSet | Related


@dataclass(frozen=True, slots=True)
class OneOf:
    """The answer: pairs of system and code; the system is empty where the parameter implies it.

    It is also what `system|` of an implied system asks for.
    """

    codings: frozenset[tuple[str, str]]


def in_value_set(text: str) -> InValueSet:
    """The question that `:in=text` puts."""
    return InValueSet(unescape(text))


def related(text: str, direction: Direction, parameter: Parameter) -> Related:
    """The question that `text` puts, its escapes still in place. Raises ValueError where no code system is named."""
    match [unescape(part) for part in split(text, "|")]:
        case [system, code] if system and code:
            return Related(direction, system, code)
        case [code] if code and len(systems := _implied(parameter.systems or {}, code)) == 1:
            return Related(direction, systems[0], code)
    raise ValueError("names no code system. Write `system|code`")


def answer(parameter: Parameter, codings: Iterable[tuple[str, str]]) -> OneOf:
    """The codings as the parameter's values have them: a plain code without the system that it implies."""
    if parameter.systems is None:
        return OneOf(frozenset(codings))
    systems = parameter.systems
    return OneOf(frozenset(("", code) for system, code in codings if code in systems.get(system, ())))


def predicate(parameter: Parameter, wanted: OneOf) -> Predicate:
    """The rows with one of the codings."""
    if not wanted.codings:
        return NOTHING
    return _in_code_set(wanted) if parameter.coded else tokens(asked_tokens(parameter, wanted))


def asked_tokens(parameter: Parameter, wanted: OneOf) -> list[int]:
    """The tokens one of which a resource with a match carries."""
    form = "s" if parameter.systems is None else "c"
    return [
        hashes.token(parameter.prefix, form, *([system] if form == "s" else []), code)
        for system, code in wanted.codings
    ]


def _in_code_set(wanted: OneOf) -> Predicate:
    systems, codes = zip(*sorted(wanted.codings), strict=True)
    sql = (
        "r.code_set = ANY(ARRAY(SELECT DISTINCT c.code_set FROM code_set_coding c "
        "JOIN unnest(%s::text[], %s::text[]) AS w (system, code) USING (system, code)))"
    )
    return Predicate(sql, (list(systems), list(codes)))


def _implied(systems: Mapping[str, frozenset[str]], code: str) -> list[str]:
    return [system for system, codes in systems.items() if code in codes]
