"""A group of ingest ready to be stored: its resources valid, found by their values, told of by Provenances.

https://hl7.org/fhir/R4/provenance.html; docs/adr/0014-provenance.md
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fhir_server import __version__
from fhir_server.errors import InvalidResource
from fhir_server.interactions.write import draft
from fhir_server.json import dumps
from fhir_server.store.drafts import Draft
from fhir_server.validation.schema import accepts
from fhir_server.validation.structure import check
from ingest.issue import Issue
from ingest.sink import Group, Stored
from mappers.provenance import About, Activity, Measured, Message, Target, provenances

SOFTWARE = f"fhir-server {__version__}"
PREPARED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Prepared:
    """A group whose resources were found valid, with the values they are found by."""

    drafts: tuple[Draft, ...]
    message: Message
    measured: Measured
    amends: bool
    revised: bool
    anew: bool

    @property
    def references(self) -> tuple[str, ...]:
        """Its resources (`Observation/<id>`), in order."""
        return tuple(f"{draft.type}/{draft.id}" for draft in self.drafts)

    @property
    def patients(self) -> set[str]:
        """The ids of the Patients that it is about: one, unless the device changed hands within it."""
        return {draft.index.patient for draft in self.drafts if draft.index.patient is not None}


Groups: TypeAlias = Sequence[Prepared]


async def prepared_group(group: Group) -> Prepared:
    """The group with what its resources are found by. Raises InvalidResource for one that breaks a rule of R4."""
    drafts: list[Draft] = []
    for number, one in enumerate(group.drafts, 1):
        if number % PREPARED_AT_ONCE == 0:
            await asyncio.sleep(0)
        type, id = str(one.resource["resourceType"]), str(one.resource["id"])
        if not accepts(type, one.resource):  # the tree as it is: nearly always, and without a text of it
            check(type, dumps(one.resource))
        drafts.append(draft(type, one.resource, id=id, method="POST", fingerprint=one.fingerprint))  # type: ignore[arg-type]  # a mapper's tree is a JSON tree
    return Prepared(
        tuple(drafts), group.message, group.measured, group.amends, group.revised is not None, group.anew
    )


def refused(error: InvalidResource) -> Stored:
    """The answer for a group of which a resource breaks a rule of R4."""
    issues = tuple(Issue(issue.code, issue.diagnostics, issue.expression) for issue in error.issues)
    return Stored("invalid", issues=issues)


def patients_of(groups: Groups) -> set[str]:
    """The ids of the Patients that the groups are about."""
    return {id for group in groups for id in group.patients}


def provenance_drafts(activity: Activity, writes: Iterable[tuple[Prepared, Draft, int]]) -> list[Draft]:
    """The Provenance of what is written, for each message and patient; messages are told apart as objects."""
    targets: defaultdict[tuple[int, str], list[Target]] = defaultdict(list)
    groups: dict[tuple[int, str], tuple[Message, Measured]] = {}
    for group, written, version in writes:
        key = id(group.message), _patient(group, written)
        targets[key].append((f"{written.type}/{written.id}", version))
        message, measured = groups.get(key, (group.message, group.measured))
        groups[key] = message, measured if measured is group.measured else measured.joined(group.measured)
    return [
        draft("Provenance", tree, id=str(tree["id"]), method="POST")  # type: ignore[arg-type]  # as above
        for key, (message, measured) in groups.items()
        for tree in provenances(message, activity, About(key[1], measured), targets[key], SOFTWARE)
    ]


def ordered(drafts: Iterable[Draft]) -> list[Draft]:
    """In the order of keys, so that two transactions with the same readings cannot wait for each other."""
    return sorted(drafts, key=lambda draft: (draft.type, draft.id))


def _patient(group: Prepared, written: Draft) -> str:
    """Whom it is about; a Binary does not say, and is of the document in its group."""
    trees = (written.tree, *(each.tree for each in group.drafts))
    subject = next(tree["subject"] for tree in trees if "subject" in tree)
    assert isinstance(subject, dict), "a reading is always about a patient"
    return str(subject["reference"])
