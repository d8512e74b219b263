"""Which Observations of one subject an operation is about, from search parameters to SQL.

https://hl7.org/fhir/R4/observation.html#search
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.errors import InvalidRequest
from fhir_server.json import stored
from fhir_server.operations.invocation import Invocation
from fhir_server.search.branch import Branch, Wanted, conditions_of
from fhir_server.search.conditions import hashed, rows
from fhir_server.search.criteria import meets
from fhir_server.search.params.parameter import Condition, Reading
from fhir_server.search.params.token import code_sets
from fhir_server.search.parse import Parsed, parse
from fhir_server.search.plan import Limits, Plan, patients, plan
from fhir_server.search.terminology import Connection, Terminology, answered
from fhir_server.search.units import look_up_units
from fhir_server.store.predicate import Predicate

OBSERVATION: Final = "Observation"
_SUBJECT: Final = frozenset({"patient", "subject"})


@dataclass(frozen=True, slots=True)
class Selection:
    """The Observations that an operation looks at.

    `patient` is the id of the Patient that they are about, None for another subject, who is then among what `branch`
    wants. `codings` is a query for the sets of codings that are asked for, None for any.
    """

    branch: Branch
    patient: str | None
    codings: Predicate | None
    unsure: tuple[Wanted, ...]
    base_url: str

    @property
    def rows(self) -> Predicate:
        """The rows `r`, but for the Patient and the codings, which the statement's own walk is to find."""
        return rows(self.branch)

    def holds(self, body: str) -> bool:
        """Whether a row is what was asked for; where that rests on hashes the resource itself is looked at."""
        if not self.unsure:
            return True
        tree = stored(body)
        return all(
            any(meets(condition, tree, self.base_url) for condition in conditions_of(one))
            for one in self.unsure
        )


async def selection(connection: Connection, call: Invocation, pairs: Sequence[tuple[str, str]]) -> Selection:
    """The Observations that the search parameters `pairs` name.

    Raises InvalidRequest unless they name one subject, and for a parameter that shapes a page; InvalidSearch as a search does.
    """
    await look_up_units(pairs)
    parsed = parse(OBSERVATION, pairs)
    check(parsed)
    settings = call.settings
    limits = Limits(settings.default_count, settings.max_count, settings.max_chain)
    planned = await answered(
        plan(parsed, call.granted, "strict", limits, Reading(call.now, call.base_url)),
        Terminology(call.terminology, connection, call.granted, call.base_url),
    )
    return selected(planned)


def selected(planned: Plan) -> Selection:
    """The Observations that a search of them plans to find, told apart by what a walk along their index goes by."""
    branch = planned.branches[0]
    about = next((one for one in branch.wanted if patients(one) is not None), None)
    coded = None if about is None else next((one for one in branch.wanted if _is_coded(one)), None)
    rest = tuple(one for one in branch.wanted if one is not about and one is not coded)
    return Selection(
        branch=replace(branch, wanted=rest),
        patient=None if about is None else (patients(about) or ("",))[0],
        codings=code_sets(coded.asked) if isinstance(coded, Condition) else None,
        unsure=tuple(one for one in rest if any(map(hashed, conditions_of(one)))),
        base_url=planned.base_url,
    )


def check(parsed: Parsed) -> None:
    """Nothing, when one subject is named and nothing shapes a page; raises InvalidRequest otherwise."""
    subjects = [one for one in parsed.criteria if one.name in _SUBJECT and not one.steps]
    if (
        len(subjects) != 1
        or len(subjects[0].values) != 1
        or subjects[0].modifier in ("missing", "identifier", "not")
    ):
        raise InvalidRequest(
            "One subject must be named: give patient or subject once, with one value.", "subject"
        )
    shaping = next(iter((*parsed.result, *(one.name for one in parsed.includes))), None)
    if shaping is not None:
        raise InvalidRequest(
            f"{shaping} shapes the page of a search and is not taken here. Leave it out.", shaping
        )


def _is_coded(wanted: Wanted) -> bool:
    return isinstance(wanted, Condition) and wanted.parameter.coded and not wanted.modifier
