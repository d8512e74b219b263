"""What codes mean, asked of the terminology service before a search becomes SQL.

https://hl7.org/fhir/R4/search.html#subsumption

`:in`, `:not-in`, `:above` and `:below` of codes are questions (`params/concept.py`); each is asked once, and its answer is the
set of codings that are searched for. Without an answer there is no search: neither everything nor nothing would be true.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch, Issue
from fhir_server.search.access import Access
from fhir_server.search.branch import Branch, Chained, Reversed, Wanted
from fhir_server.search.params import concept
from fhir_server.search.params.concept import InValueSet, Question, Related
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Condition
from fhir_server.search.plan import Plan
from terminology.errors import TerminologyUnavailable
from terminology.service import Coding, TerminologyService

MOST_CODINGS: Final = 10_000

_BY_MEANING: Final = frozenset({"in", "not-in", "above", "below"})

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
_Codings: TypeAlias = frozenset[tuple[str, str]]
_Answers: TypeAlias = Mapping[Question, _Codings]


@dataclass(frozen=True, slots=True)
class Terminology:
    """Whom to ask, and where value sets of this server's own are looked up, of those that `access` shows."""

    service: TerminologyService
    connection: Connection
    access: Access
    base_url: str


async def answered(planned: Plan, terminology: Terminology) -> Plan:
    """`planned` with an answer in the place of each question; as it is where it has none.

    Raises InvalidSearch for a question that cannot be answered, and for an answer of more than `MOST_CODINGS`.
    """
    asked = {
        question: condition
        for branch in planned.branches
        for condition in _conditions(branch)
        for question in condition.asked
        if isinstance(question, Question)
    }
    if not asked:
        return planned
    answers = {
        question: await _answer(question, condition, terminology) for question, condition in asked.items()
    }
    return replace(planned, branches=tuple(_told(branch, answers) for branch in planned.branches))


async def _answer(question: Question, condition: AnyCondition, terminology: Terminology) -> _Codings:
    try:
        codings = await _asked(question, terminology)
    except TerminologyUnavailable as error:
        raise _refusal(condition, "not-supported", str(error)) from error
    if codings is None:
        raise _refusal(condition, "not-found", f"There is no {question} that has a URL.")
    if len(codings) > MOST_CODINGS:
        raise _refusal(
            condition,
            "too-costly",
            f"{question} stands for {len(codings)} codes. Ask for at most {MOST_CODINGS}.",
        )
    return frozenset((coding.system, coding.code) for coding in codings)


async def _asked(question: Question, terminology: Terminology) -> tuple[Coding, ...] | None:
    """The codings; None for a value set of this server's own that is not there. Raises TerminologyUnavailable."""
    service = terminology.service
    match question:
        case InValueSet(named):
            url = await _url(named, terminology)
            return None if url is None else await service.expand(url)
        case Related("above", system, code):
            return await service.above(Coding(system, code))
        case Related(_, system, code):
            return await service.below(Coding(system, code))


async def _url(named: str, terminology: Terminology) -> str | None:
    """The canonical URL of the value set; of `ValueSet/id` the one that this server's own has, None when it has none."""
    local = named.removeprefix(terminology.base_url + "/")
    type, _, id = local.partition("/")
    if type != "ValueSet" or not id:
        return named
    seen = terminology.access("ValueSet", "read")
    cursor = await terminology.connection.execute(
        f"SELECT r.body ->> 'url' FROM resource r WHERE r.type = %s AND r.id = %s AND NOT r.deleted AND ({seen.sql})",
        (RESOURCE_TYPES["ValueSet"], id, *seen.params),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


def _refusal(condition: AnyCondition, code: str, text: str) -> InvalidSearch:
    name = f"{condition.parameter.code}:{condition.modifier}"
    text = f"{name} cannot be searched: {text}"
    return InvalidSearch(text, issues=(Issue(code, text, name),))


def _conditions(branch: Branch) -> Iterator[AnyCondition]:
    """Every condition that may hold a question, along chains too: what places a resource in a compartment holds none."""
    for wanted in branch.wanted:
        match wanted:
            case Chained(_, targets):
                for target in targets:
                    yield from _conditions(target)
            case Reversed(source=source):
                yield from _conditions(source)
            case Condition() if wanted.modifier in _BY_MEANING:
                yield wanted


def _told(branch: Branch, answers: _Answers) -> Branch:
    """The branch with the answers in the place of the questions."""
    return replace(branch, wanted=tuple(_told_of(wanted, answers) for wanted in branch.wanted))


def _told_of(wanted: Wanted, answers: _Answers) -> Wanted:
    match wanted:
        case Chained(_, targets):
            return replace(wanted, targets=tuple(_told(target, answers) for target in targets))
        case Reversed(source=source):
            return replace(wanted, source=_told(source, answers))
        case Condition(parameter, modifier, asked) if modifier in _BY_MEANING:
            known = (answers.get(one) if isinstance(one, Question) else None for one in asked)
            told = (
                one if codings is None else concept.answer(parameter, codings)
                for one, codings in zip(asked, known, strict=True)
            )
            return replace(wanted, asked=tuple(told))
    return wanted
