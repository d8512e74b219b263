"""The writes of a Bundle inside its transaction: locked, decided, then written in a few statements.

https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeVar

from fhir_server.errors import Conflict, RequestError
from fhir_server.interactions import conditional
from fhir_server.interactions.bundle.change import Change, Ended, Outcome, placed
from fhir_server.interactions.bundle.drafting import AT_ONCE, Drafts, draft_all
from fhir_server.interactions.bundle.failures import Failures
from fhir_server.interactions.bundle.identities import Identities
from fhir_server.interactions.bundle.targets import Targets
from fhir_server.interactions.delete import to_end
from fhir_server.interactions.patch import drafted
from fhir_server.interactions.written import Written
from fhir_server.store.devices import assignments
from fhir_server.store.drafts import Draft
from fhir_server.store.locks import Locked
from fhir_server.store.predicate import Predicate
from fhir_server.store.replace import Replacement
from fhir_server.store.rows import Key, Version
from fhir_server.store.unit_of_work import UnitOfWork

ROWS: Final = 1_000
"""Rows of one statement: what is packed and sent at once holds up other requests for some milliseconds only."""


async def write(
    work: UnitOfWork,
    changes: Sequence[Change],
    found: Identities,
    drafts: Drafts,
    targets: Targets,
    failures: Failures,
) -> dict[int, Outcome]:
    """What came of each change that did not fail; raises Conflict when another writer got in the way."""
    current = await work.lock_all(_wanted(changes, found))
    await _number_links(changes, found, drafts, targets, current, failures)
    decision = _Decision(found, drafts, current)
    for count, change in enumerate(changes):
        if count % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        try:
            decision.take(change)
        except Conflict:
            raise
        except RequestError as error:
            failures.add(change, error)
    failures.settle()
    return await decision.write(work)


class _Decision:
    """What is to be written, decided against what is there."""

    def __init__(self, found: Identities, drafts: Drafts, current: Mapping[Key, Locked]) -> None:
        self._found = found
        self._drafts = drafts.drafts
        self._current = current
        self._replaced: list[tuple[Change, Replacement]] = []
        self._created: list[tuple[Change, Draft]] = []
        self._outcomes: dict[int, Outcome] = {}

    def take(self, change: Change) -> None:
        """Decides about `change`; raises what makes it fail."""
        key = self._found.key(change)
        current = None if key is None else self._current.get(key)
        match change.method:
            case "DELETE":
                self._end(change, current)
            case "POST" if self._found.keeps(change):
                self._keep(change, current)
            case "POST":
                self._created.append((change, self._drafts[change.number]))
            case "PUT":
                self._put(change, current)
            case "PATCH":
                self._patch(change, current)

    async def write(self, work: UnitOfWork) -> dict[int, Outcome]:
        """Writes what was decided and says what came of everything.

        What is replaced comes first, so that what is made meets a device that its former patient has given back.
        """
        for part in _parts(self._replaced):
            with _named(part):
                versions = await work.replace_all([one for _, one in part])
            for (change, one), version in zip(part, versions, strict=True):
                self._outcomes[change.number] = _outcome(change, one.current, version)
        ordered = sorted(self._created, key=lambda pair: (pair[1].type, pair[1].id))
        for news in _parts(ordered):
            with _named(news):
                made = await work.create_all([draft for _, draft in news])
            for (change, draft), new in zip(news, made, strict=True):
                if new is None:
                    raise Conflict(
                        f"{draft.type}/{draft.id} was made by another request. Send this one again."
                    )
                self._outcomes[change.number] = Written(new, "created")
        return self._outcomes

    def _end(self, change: Change, current: Locked | None) -> None:
        there = to_end(current, change.condition)
        if there is None or there.deleted:
            self._outcomes[change.number] = Ended(None if there is None else there.as_version)
        else:
            self._replaced.append((change, Replacement(there)))

    def _keep(self, change: Change, current: Locked | None) -> None:
        if current is None or current.deleted:
            raise Conflict("The resource that matched was deleted meanwhile. Send the request again.")
        self._outcomes[change.number] = Written(current.as_version, "found")

    def _put(self, change: Change, current: Locked | None) -> None:
        draft = self._drafts[change.number]
        if change.query is None or change.number in self._found.matched:
            change.condition.check_making(current)
        else:
            if change.given_id is not None:
                change.condition.check_making(None)
            conditional.refuse_taken_id(change.type, draft.id, current)
        change.condition.check(current)
        if current is None:
            self._created.append((change, draft))
        else:
            self._replaced.append((change, Replacement(current, draft)))

    def _patch(self, change: Change, current: Locked | None) -> None:
        assert change.patch is not None, "a PATCH brings one"
        id = self._found.ids[change.number]
        draft, there = drafted(change.type, id, change.patch, current, change.condition, change.base_url)
        self._replaced.append((change, Replacement(there, draft)))


def _wanted(changes: Sequence[Change], found: Identities) -> dict[Key, Predicate]:
    """What is locked: all that is changed or found; what a condition found, its search has shown already."""
    made = {one.number for one in changes if one.method == "POST" and not found.keeps(one)}
    keyed = [(found.key(one), one) for one in changes if one.number not in made]
    kept = {key: one.access for key, one in keyed if key is not None and found.keeps(one)}
    changed = {key: one.access for key, one in keyed if key is not None and not found.keeps(one)}
    return kept | changed


async def _number_links(
    changes: Sequence[Change],
    found: Identities,
    drafts: Drafts,
    targets: Targets,
    current: Mapping[Key, Locked],
    failures: Failures,
) -> None:
    """Drafts anew what refers to a version that only now is known: the next one of what is updated."""
    unnumbered = drafts.having(unnumbered=True)
    if not unnumbered:
        return
    versions = dict(targets.versions)
    for change in changes:
        key = found.key(change)
        there = None if key is None else current.get(key)
        if there is not None:
            versions[f"{there.type}/{there.id}"] = there.version + (0 if found.keeps(change) else 1)
    again = [change for change in changes if change.number in unnumbered]
    await draft_all(drafts, again, found, replace(targets, versions=versions), failures)


def _outcome(change: Change, before: Locked, version: Version) -> Outcome:
    if change.method == "DELETE":
        return Ended(version)
    return Written(version, "created" if before.deleted else "updated")


_Pair = TypeVar("_Pair", tuple[Change, Replacement], tuple[Change, Draft])


def _parts(pairs: Sequence[_Pair]) -> Iterator[Sequence[_Pair]]:
    """What goes into one statement; a DeviceUseStatement goes alone, since the database may refuse just that one."""
    alone = [pair for pair in pairs if pair[0].type == assignments.TYPE]
    others = [pair for pair in pairs if pair[0].type != assignments.TYPE]
    for start in range(0, len(others), ROWS):
        yield others[start : start + ROWS]
    for pair in alone:
        yield [pair]


@contextmanager
def _named(part: Sequence[_Pair]) -> Iterator[None]:
    """Tells of which entry it was, when a part that is one entry fails."""
    try:
        yield
    except RequestError as error:
        if len(part) == 1:
            change = part[0][0]
            placed(error, change.number, change.label, change.type)
        raise
