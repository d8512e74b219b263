"""Which subscriptions a change is an event of: few are looked at, however many there are.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.criteria; docs/adr/0023-change-log.md, "Matching"

A criterion is kept under what every resource that meets it has: its id, its patient, what it refers to, a code. A change is
held against the criteria that are kept under something of its own, and those of its type that are kept under nothing. Where
there are none, the resource need not be read: the database has in columns what it may be kept under.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from fhir_server.search import match
from fhir_server.search.branch import conditions_of
from fhir_server.search.params import reference, token
from fhir_server.search.params.catalog import served
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Condition
from fhir_server.search.plan import Plan
from fhir_server.store.changes import Change, Marks
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.subscriptions.failures import Failures
from fhir_server.subscriptions.happened import Happened
from fhir_server.subscriptions.model import Criterion

Key: TypeAlias = int | tuple[str | None, ...]
"""A token, or something that has a column of its own: `("id", …)`, `("patient", …)`, `("code", system, code)`."""

_RAREST_FIRST: Final = ("id", "patient", "reference", "identifier", "code", "token")


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """A criterion of the subscription `subscription`, by its key; without a `plan` every resource of the type meets it."""

    subscription: int
    criterion: Criterion
    plan: Plan | None

    def meets(self, happened: Happened, answers: dict[str, bool]) -> bool:
        """Whether the change is what the criterion describes; `answers` has the queries that were held against it already."""
        if happened.change not in self.criterion.changes or not happened.triggers(self.criterion.trigger):
            return False
        if self.plan is None:
            return True
        query = self.criterion.query
        if query not in answers:
            answers[query] = match.met(self.plan, happened.tree)
        return answers[query]


class Watches:
    """The criteria of all subscriptions; references under `base_url` are to this server."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._kept: dict[int, list[tuple[Watch, frozenset[Key] | None]]] = {}
        self._under: dict[str, dict[Key | None, dict[Watch, None]]] = {}

    @property
    def types(self) -> set[str]:
        """The types that somebody watches."""
        return {type for type, under in self._under.items() if under}

    def put(self, subscription: int, criteria: Iterable[Criterion]) -> None:
        """The subscription, by its key, watches what meets one of `criteria`, and nothing else any more."""
        self.remove(subscription)
        kept = self._kept[subscription] = []
        for one in criteria:
            plan = match.asked(one.type, one.query, _everything, self._base_url) if one.query else None
            keys = None if plan is None else _keys(plan)
            watch = Watch(subscription, one, plan)
            kept.append((watch, keys))
            under = self._under.setdefault(one.type, {})
            for key in [None] if keys is None else keys:
                under.setdefault(key, {})[watch] = None

    def remove(self, subscription: int) -> None:
        """The subscription watches nothing."""
        for watch, keys in self._kept.pop(subscription, ()):
            under = self._under[watch.criterion.type]
            for key in [None] if keys is None else keys:
                del under[key][watch]
                if not under[key]:
                    del under[key]

    def may_concern(self, change: Change) -> bool:
        """Whether there may be a criterion that the change meets, by its marks: without them there may."""
        under = self._under.get(change.type, {})
        if None in under or change.marks is None:
            return bool(under)
        return not under.keys().isdisjoint(_carried(change.id, change.patient, change.marks))

    def candidates(self, happened: Happened) -> dict[Watch, None]:
        """The criteria that the change may meet."""
        under, row = self._under.get(happened.type, {}), happened.row
        found = dict(under.get(None, {}))
        for key in _carried(happened.id, row.patient, Marks(row.codings, row.tokens)):
            found.update(under.get(key, ()))
        return found

    def looked_at(self, happened: Happened, failures: Failures) -> Iterator[int | None]:
        """For each criterion that is looked at the subscription, by key, where the change meets it, else None.

        What many ask in the same words is decided once. `failures` has those that it cannot be held against.
        """
        answers = dict[str, bool]()
        for watch in self.candidates(happened):
            try:
                is_met = watch.meets(happened, answers)
            except Exception as error:  # noqa: BLE001 - whatever it is, all others go on
                failures.add(error, happened, watch.subscription)
                is_met = False
            yield watch.subscription if is_met else None

    def matched(self, happened: Happened, failures: Failures) -> list[int]:
        """The subscriptions, by key, that the change is an event of, each once."""
        return list(dict.fromkeys(key for key in self.looked_at(happened, failures) if key is not None))


def _everything(_type: str, _interaction: str) -> Predicate:
    """What owners may see is asked apart: here is only said what they asked for."""
    return EVERYTHING


def _carried(id: str, patient: str | None, marks: Marks) -> Iterator[Key]:
    """Everything of the resource that a criterion may be kept under."""
    yield ("id", id)
    if patient is not None:
        yield ("patient", patient)
    for coding in marks.codings:
        system, _, code = coding.partition("|")
        yield from (("code", system, code), ("code", None, code), ("code", system, None))
    yield from marks.tokens


def _keys(plan: Plan) -> frozenset[Key] | None:
    """What one of which every resource that meets the plan has, as rare as can be; None where nothing is known."""
    best: tuple[int, frozenset[Key]] | None = None
    for wanted in plan.wanted:
        either = conditions_of(wanted)
        found = _keys_of(either[0]) if len(either) == 1 else None
        if found is not None:
            rank = _RAREST_FIRST.index(found[0])
            if best is None or rank < best[0]:
                best = rank, frozenset(found[1])
    return best and best[1]


def _keys_of(condition: AnyCondition) -> tuple[str, list[Key]] | None:
    parameter = condition.parameter
    if parameter.union:
        return _of_union(condition)
    if condition.modifier:
        return None
    kind: Callable[[AnyCondition], tuple[str, list[Key]] | None] | None = _KINDS.get(parameter.kind)
    return kind and kind(condition)


def _of_union(condition: AnyCondition) -> tuple[str, list[Key]] | None:
    """One of the parameters that it unites is met."""
    if condition.modifier:
        return None
    parts = [
        _keys_of(Condition(served(condition.parameter.resource_type)[code], "", condition.asked))
        for code in condition.parameter.union
    ]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return "token", list(chain.from_iterable(keys for _, keys in known))


def _of_token(condition: AnyCondition) -> tuple[str, list[Key]] | None:
    parameter = condition.parameter
    if parameter.column == "id":
        return "id", [("id", one.code) for one in condition.asked]
    if not all(isinstance(one, token.Asked) for one in condition.asked):
        return None
    if parameter.coded:
        if any("|" in (one.system or "") for one in condition.asked):
            return None
        return "code", [("code", one.system, one.code) for one in condition.asked]
    identifies = any(path.datatype == "Identifier" for path in parameter.paths)
    keys: list[Key] = [token.asked_token(parameter.prefix, one) for one in condition.asked]
    return ("identifier" if identifies else "token"), keys


def _of_reference(condition: AnyCondition) -> tuple[str, list[Key]] | None:
    parameter, keys = condition.parameter, list[Key]()
    for one in condition.asked:
        if one.identifier is not None:
            return None
        for named in one.keys:
            about = reference.patient_id(named) if parameter.column == "patient" else None
            keys.append(("patient", about) if about else reference.token(parameter.prefix, named))
    return ("patient" if parameter.column == "patient" else "reference"), keys


_KINDS: Final = {"token": _of_token, "reference": _of_reference}
