"""What changes are to those who watch: of which patient, what each group of them may see, and what they saw before.

docs/live.md, "Who sees what"; docs/adr/0017-access.md
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fhir_server.errors import RequestError
from fhir_server.interactions.versions_shown import Sight
from fhir_server.json import stored
from fhir_server.rest.live import told
from fhir_server.rest.live.watcher import Rights
from fhir_server.search.index import index
from fhir_server.store.changes import Change, Content, contents
from fhir_server.store.database import Connection
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version
from fhir_server.store.showing import Asked, showing

OBSERVATION = "Observation"
PATIENT = "Patient"


@dataclass(frozen=True, slots=True, eq=False)
class Happened:
    """A change of an Observation, what it says, and of whom the version `before` it was."""

    change: Change
    content: Content
    before: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Those who see the same of the same patients."""

    rights: Rights
    patients: frozenset[str]


class Told(NamedTuple):
    """A change, as the text of an event."""

    change: Change
    text: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """Which of its patients a group sees still, and what it is to be told of each, in order."""

    patients: frozenset[str]
    events: Mapping[str, Sequence[Told]]


async def happened(
    connection: Connection, changes: Sequence[Change], patients: Collection[str], base_url: str
) -> list[Happened]:
    """The changes of Observations that concern one of `patients`, or did, with what they say."""
    asked = [
        one for one in changes if one.type == OBSERVATION and (one.version > 1 or one.patient in patients)
    ]
    if not asked:
        return []
    found = [
        Happened(change, content, _patient(content.before, base_url))
        for change, content in zip(asked, await contents(connection, asked), strict=True)
    ]
    return [one for one in found if one.change.patient in patients or one.before in patients]


async def seen(
    connection: Connection, groups: Sequence[Group], what: Sequence[Happened], base_url: str
) -> list[Seen]:
    """What each of `groups` is to be told of `what`, judged at this moment."""
    asked = [Asked(PATIENT, group.patients, group.rights.patients) for group in groups]
    for group in groups:
        ids = {one.change.id for one in what if one.change.patient in group.patients}
        asked.append(Asked(OBSERVATION, ids, group.rights.observations))
    shown = await showing(connection, asked)
    return [
        await _seen(connection, group, _Shown(frozenset(patients), versions), what, base_url)
        for group, patients, versions in zip(groups, shown, shown[len(groups) :], strict=False)
    ]


@dataclass(frozen=True, slots=True)
class _Shown:
    """The patients and current versions of Observations that a group is shown."""

    patients: frozenset[str]
    versions: Mapping[str, int]

    def is_told(self, one: Happened) -> bool:
        """Whether it is what is current: what a later version says is told with that."""
        return (
            one.content.body is not None
            and one.change.patient in self.patients
            and self.versions.get(one.change.id) == one.change.version
        )

    def is_gone(self, one: Happened) -> bool:
        """Whether it was about a patient of theirs, and is so no longer as far as they are shown."""
        stays = one.change.id in self.versions and one.change.patient == one.before
        return one.before in self.patients and not stays


async def _seen(
    connection: Connection, group: Group, shown: _Shown, what: Sequence[Happened], base_url: str
) -> Seen:
    gone = [one for one in what if shown.is_gone(one)]
    lost = await _seen_before(connection, group.rights.observations, gone, base_url)
    events: dict[str, list[Told]] = {}
    for one in what:
        if one in lost:
            events.setdefault(str(one.before), []).append(Told(one.change, _gone(one)))
        if shown.is_told(one):
            events.setdefault(str(one.change.patient), []).append(Told(one.change, _text(one)))
    return Seen(shown.patients, events)


async def _seen_before(
    connection: Connection, access: Predicate, earlier: Sequence[Happened], base_url: str
) -> set[Happened]:
    """Those whose content was shown before: that they are gone may be told, and must be, to whoever shows them."""
    if not earlier:
        return set()
    versions = [
        Version(
            OBSERVATION,
            one.change.id,
            one.change.version - 1,
            one.change.last_updated,
            "PUT",
            one.content.before,
        )
        for one in earlier
    ]
    shown = await Sight(access, base_url).shows(connection, versions)
    return {one for one, is_shown in zip(earlier, shown, strict=True) if is_shown}


def _gone(one: Happened) -> bytes:
    return told.observation("deleted" if one.content.body is None else "removed", one.change.id, None)


def _text(one: Happened) -> bytes:
    return told.observation(
        "created" if one.content.before is None else "amended", one.change.id, one.content.body
    )


def _patient(body: bytes | None, base_url: str) -> str | None:
    if body is None:
        return None
    try:
        return index(OBSERVATION, stored(body), base_url=base_url).patient
    except RequestError:
        return None  # from before a rule that it breaks: not known whose it is
