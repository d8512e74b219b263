"""Groups of ingest against what is there: which are new, known, corrections, or ambiguous.

docs/adr/0004-identity.md
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias, cast

from fhir_server.errors import FhirServerError
from fhir_server.interactions.prepared import Groups, Prepared, ordered, patients_of, provenance_drafts
from fhir_server.interactions.write import draft
from fhir_server.json import dumps, exact, parse
from fhir_server.store.drafts import Draft
from fhir_server.store.known import Known, bodies, deleted_patients, lock_known
from fhir_server.store.rows import Key
from fhir_server.store.unit_of_work import UnitOfWork
from ingest.issue import Issue
from ingest.pipeline import short_fingerprint
from ingest.sink import Stored, StoreOutcome
from mappers.addition import LISTS, joined
from mappers.correction import amended, is_preliminary
from mappers.mapped import Resource

_OUTDATED = Issue(
    "informational",
    "What is stored is of a later revision, or was sent later. Nothing was changed.",
    severity="information",
)
_SAME_REVISION: Final = Issue(
    "conflict",
    "Another value is stored of the same record, which the source last changed at the same time. Send one of them.",
    "timestamp",
)


_STAMPS: Final = frozenset({"meta", "issued", "status"})


_Writes: TypeAlias = list[tuple[Prepared, Draft, int]]
"""What is written: of which group, the resource, its version."""


class Taken(FhirServerError):
    """Something is there already, so the groups have to be looked at one by one."""


class Decision:
    """What becomes of groups, in one transaction."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._known: dict[Key, Known] = {}
        self._deleted: set[str] = set()
        self._before: dict[Key, str] = {}
        self._new: _Writes = []
        self._changed: list[tuple[Prepared, Draft]] = []

    async def answers(self, groups: Groups) -> list[Stored]:
        """One answer per group, after everything that they say is written; raises Taken when it lost a race."""
        keys = sorted({(draft.type, draft.id) for group in groups for draft in group.drafts})
        patients = patients_of(groups)
        self._known = await lock_known(self._work.connection, keys)
        self._deleted = await deleted_patients(self._work.connection, patients)
        anew = [(draft.type, draft.id) for group in groups if group.anew for draft in group.drafts]
        self._before = await bodies(self._work.connection, anew) if anew else {}
        answers = [self._decide(group) for group in groups]
        made = [draft for _, draft, _ in self._new] + provenance_drafts("CREATE", self._new)
        await _create(self._work, made, patients - self._deleted)
        amended = [
            (group, correction, await _amend(self._work, correction)) for group, correction in self._changed
        ]
        await _create(self._work, provenance_drafts("UPDATE", amended))
        return answers

    def _decide(self, group: Prepared) -> Stored:
        if not self._deleted.isdisjoint(group.patients):
            gone = sorted(self._deleted & group.patients)
            return Stored("deleted", issues=tuple(map(_of_deleted, gone)))
        there = [(draft, self._known.get((draft.type, draft.id))) for draft in group.drafts]
        if any(known is not None and known.withdrawn for _, known in there):
            return Stored("deleted")
        old = [(draft, known) for draft, known in there if known is not None]
        new = [draft for draft, known in there if known is None]
        differing = [(draft, known) for draft, known in old if _content(known) != draft.fingerprint]
        if group.revised and (differing or new) and any(_outdated(draft, known) for draft, known in old):
            kept = tuple(f"{draft.type}/{draft.id}" for draft, _ in old)
            return Stored("unchanged", kept, (_OUTDATED,))
        passed = [] if group.revised else [draft for draft, known in differing if _passed(draft, known)]
        current = [(draft, known) for draft, known in old if draft not in passed]
        changed = _changes(group, current, self._before)
        if isinstance(changed, Stored):
            return changed
        self._new += [(group, draft, 1) for draft in new]
        self._changed += [(group, draft) for draft in changed]
        self._known |= {(draft.type, draft.id): _as_known(draft) for draft in new + changed}
        outcome: StoreOutcome = "amended" if changed else "created" if new else "unchanged"
        return Stored(outcome, group.references, (_OUTDATED,) if passed else ())


def _changes(
    group: Prepared, old: Iterable[tuple[Draft, Known]], before: Mapping[Key, str]
) -> list[Draft] | Stored:
    """What takes the place of what is there; or the refusal of the group, of which one contradicts what is there.

    `before` has the texts of what may have been understood otherwise.
    """
    changes: list[Draft] = []
    for sent, known in old:
        content = _content(known)
        is_over = known.preliminary and not is_preliminary(_tree(sent))
        text = before.get((sent.type, sent.id))
        if content == sent.fingerprint and not is_over and text is None:
            continue
        if group.revised and not known.preliminary and _issued(sent) == known.issued:
            return Stored("ambiguous", issues=(_SAME_REVISION,))
        change = _change(sent, known, replaces=group.amends or known.preliminary)
        if change is None:
            return Stored("ambiguous")
        if is_over or change.fingerprint != content or (text is not None and _says_else(text, change)):
            changes.append(change)
    return changes


def _says_else(before: str, change: Draft) -> bool:
    """Whether the change is more than another time of receipt."""
    return _without_stamps(before.encode()) != _without_stamps(dumps(change.tree))


def _without_stamps(text: bytes) -> Resource:
    resource = cast("Resource", exact(text))
    meta = cast("Resource", resource.get("meta", {}))
    said = {name: content for name, content in meta.items() if name not in ("versionId", "lastUpdated")}
    return {name: content for name, content in resource.items() if name not in _STAMPS} | {"meta": said}


def _change(sent: Draft, known: Known, *, replaces: bool) -> Draft | None:
    """The draft of what `sent` makes of what is there, which it `replaces` or adds to; None where it contradicts that."""
    stored = {} if known.text is None else cast("Resource", parse(known.text.encode()))
    tree = joined(stored, _tree(sent), replaces=replaces)
    if tree is None:
        return None
    has_lists = any(name in tree for name in LISTS)
    fingerprint = short_fingerprint(tree) if has_lists else sent.fingerprint
    if not known.preliminary:
        tree = amended(tree)
    return draft(sent.type, tree, id=sent.id, method="PUT", fingerprint=fingerprint)  # type: ignore[arg-type]  # a mapper's tree is a JSON tree


async def _create(work: UnitOfWork, drafts: Sequence[Draft], patients: Iterable[str] = ()) -> None:
    if drafts and None in await work.create_all(ordered(drafts), patients):
        raise Taken("a resource is there already, or a patient was deleted")


async def _amend(work: UnitOfWork, change: Draft) -> int:
    """The version that the change made."""
    current = await work.lock(change.type, change.id)
    if current is None or current.deleted:
        raise Taken("a resource was deleted meanwhile")
    return (await work.update(change, current)).version


def _content(known: Known) -> int | None:
    """The hash of the clinical content that is there, whoever wrote it: a note added to a reading makes no other value."""
    if known.fingerprint is not None or known.text is None:
        return known.fingerprint
    return short_fingerprint(cast("dict[str, object]", parse(known.text.encode())))


def _as_known(draft: Draft) -> Known:
    """What is there once `draft` is."""
    text = dumps(draft.tree).decode() if any(name in draft.tree for name in LISTS) else None
    preliminary = is_preliminary(_tree(draft))
    return Known(
        draft.fingerprint, withdrawn=False, text=text, issued=_issued(draft), preliminary=preliminary
    )


def _tree(draft: Draft) -> Resource:
    return cast("Resource", draft.tree)


def _issued(draft: Draft) -> str | None:
    issued = draft.tree.get("issued")
    return issued if isinstance(issued, str) else None


def _outdated(draft: Draft, known: Known) -> bool:
    """Whether what is there was issued after `draft`; both are in this server's form, a client's other form tells nothing."""
    issued, there = _issued(draft), known.issued
    return issued is not None and there is not None and len(there) == len(issued) and there > issued


def _passed(draft: Draft, known: Known) -> bool:
    """Whether `draft` was sent before its time was over, and what is there later."""
    return is_preliminary(_tree(draft)) and (not known.preliminary or _outdated(draft, known))


def _of_deleted(patient: str) -> Issue:
    text = (
        f"Patient/{patient} was deleted. Bring that Patient back or correct whose device it was, "
        "then retry the dead letter or send it again."
    )
    return Issue("deleted", text)
