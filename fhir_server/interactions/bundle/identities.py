"""Which resource each entry is about, and that no two entries change the same one.

https://hl7.org/fhir/R4/http.html#trules
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.errors import InvalidRequest, RequestError
from fhir_server.ids import uuid7
from fhir_server.interactions import conditional
from fhir_server.interactions.bundle.change import Change
from fhir_server.interactions.bundle.failures import Failures
from fhir_server.interactions.bundle.inquiry import Inquiry, Question, question
from fhir_server.search.execute import Connection
from fhir_server.search.match import MatchedKey
from fhir_server.store.rows import Key


@dataclass(slots=True)
class Identities:
    """By entry number: the ids, where there is a resource to be; `matched` are those that a condition found."""

    ids: dict[int, str] = field(default_factory=dict)
    matched: set[int] = field(default_factory=set)
    questions: dict[int, Question] = field(default_factory=dict)

    def key(self, change: Change) -> Key | None:
        """The type and id of what `change` is about; None for a DELETE that matched nothing."""
        id = self.ids.get(change.number)
        return None if id is None else (change.type, id)

    def keeps(self, change: Change) -> bool:
        """Whether it leaves what it found as it is: a conditional create with a match."""
        return change.method == "POST" and change.number in self.matched

    def written(self, changes: Iterable[Change], *methods: str) -> set[Key]:
        """What those of `changes` with one of the methods change."""
        keys = (self.key(change) for change in changes if change.method in methods and not self.keeps(change))
        return {key for key in keys if key is not None}


async def identities(
    connection: Connection | None, inquiry: Inquiry, changes: Sequence[Change], failures: Failures
) -> Identities:
    """What every change is about; a `connection` is needed where some have conditions.

    A DELETE comes first, so that no other condition finds what is deleted.
    """
    found = Identities({change.number: change.id for change in changes if change.id is not None})
    if connection is not None:
        _understand(found, changes, failures)
        await _match(connection, inquiry, found, [c for c in changes if c.method == "DELETE"], (), failures)
        gone = found.written(changes, "DELETE")
        await _match(connection, inquiry, found, [c for c in changes if c.method != "DELETE"], gone, failures)
    for change in changes:
        if change.method == "POST" and change.number not in found.matched:
            found.ids[change.number] = uuid7()
    _refuse_overlaps(found, changes, failures)
    return found


def _understand(found: Identities, changes: Sequence[Change], failures: Failures) -> None:
    for change in changes:
        if change.query is not None:
            try:
                found.questions[change.number] = question(change.type, change.query)
            except RequestError as error:
                failures.add(change, error)


async def _match(
    connection: Connection,
    inquiry: Inquiry,
    found: Identities,
    changes: Sequence[Change],
    gone: Collection[Key],
    failures: Failures,
) -> None:
    asking = [change for change in changes if change.number in found.questions]
    distinct = {_lock(found.questions[change.number]): found.questions[change.number] for change in asking}
    answers = dict(zip(distinct, await inquiry.ask(connection, list(distinct.values()), gone), strict=True))
    for change in asking:
        try:
            _take(found, change, answers[_lock(found.questions[change.number])])
        except RequestError as error:
            failures.add(change, error)


def _take(found: Identities, change: Change, answer: Sequence[MatchedKey]) -> None:
    match = conditional.only(change.type, answer)
    given = change.given_id
    if match is not None:
        if change.method == "PUT":
            conditional.refuse_other_id(change.type, given, match.id)
        found.ids[change.number] = match.id
        found.matched.add(change.number)
    elif change.method == "PATCH":
        raise conditional.nothing_to_patch(change.type)
    elif change.method == "PUT":
        found.ids[change.number] = given or uuid7()


def _lock(asked: Question) -> int:
    return conditional.key(asked.type, asked.query)


def locks(found: Identities) -> set[int]:
    """The locks that equal conditions share, of all the conditions of entries."""
    return {_lock(asked) for asked in found.questions.values()}


def _refuse_overlaps(found: Identities, changes: Sequence[Change], failures: Failures) -> None:
    by_key, by_condition = defaultdict[Key, list[Change]](list), defaultdict[int, list[Change]](list)
    for change in changes:
        key = found.key(change)
        if change in failures or key is None or found.keeps(change):
            continue
        by_key[key].append(change)
        if change.number in found.questions and change.number not in found.matched:
            by_condition[_lock(found.questions[change.number])].append(change)
    _refuse({f"{type}/{id}": same for (type, id), same in by_key.items()}.items(), failures)
    _refuse((("what their equal conditions name", same) for same in by_condition.values()), failures)


def _refuse(groups: Iterable[tuple[str, Sequence[Change]]], failures: Failures) -> None:
    for what, same in groups:
        if len(same) > 1:
            numbers = " and ".join(str(change.number) for change in same[:10])
            for change in same:
                failures.add(
                    change,
                    InvalidRequest(f"Entries {numbers} all change {what}. Give each resource one entry."),
                )


def places(found: Identities, changes: Sequence[Change]) -> Mapping[str, str]:
    """`Type/id` by the fullUrl of every entry that has both."""
    keyed = ((change.full_url, found.key(change)) for change in changes if change.full_url)
    return {url: f"{key[0]}/{key[1]}" for url, key in keyed if key is not None}
