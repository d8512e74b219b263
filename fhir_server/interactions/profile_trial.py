"""What a device type makes of a sample, by the very steps its readings will take; nothing is stored.

docs/devices.md, "Trying it"
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from fhir_server.errors import InvalidResource, OperatorError
from fhir_server.interactions.prepared import Prepared, prepared_group, provenance_drafts, refused
from fhir_server.store.drafts import Draft
from ingest.answer import Result
from ingest.decoders.batch import json_batch
from ingest.decoders.reading import Decoded
from ingest.errors import IngestError
from ingest.files.format import Incoming, Saying
from ingest.files.saying import saying
from ingest.files.table import DeclaredTable
from ingest.gateway import MAX_READINGS
from ingest.issue import Issue
from ingest.pipeline import Pipeline, sent_by
from ingest.ports import Assignment, Device, HeldKey, KeptLetter, Letter, Stated
from ingest.sink import Group, Stored
from mappers.device import device as mapped_device
from mappers.device import device_metrics
from mappers.device_state import (
    battery_observation,
    changed,
    device_metric_saying,
    device_saying,
    state_after,
)
from mappers.mapped import IDENTITY_KEY_BYTES, Resource
from mappers.profile import DeviceProfile

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_TABLE: Final = DeclaredTable()


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what the resources of a trial name, and the key that their ids are made with."""

    device: str
    name: str
    patient: str
    identity_key: bytes = field(default=bytes(IDENTITY_KEY_BYTES), repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What each reading of the sample would be answered, `where` it stands, and the resources that all would make.

    `device` is what there is of the device itself: its Device and DeviceMetrics, and what it says of itself.
    """

    where: tuple[str, ...]
    results: tuple[Result, ...]
    resources: tuple[Resource, ...]
    provenances: tuple[Resource, ...]
    device: tuple[Resource, ...]


def trial(
    profile: DeviceProfile, sample: Path, received: datetime, about: Subject, said: Mapping[str, str]
) -> Trial:
    """What a device of this type would make of `sample`, came it at `received`; of a table with what is `said` beside it.

    Raises OperatorError if it cannot be read.
    """
    try:
        content = sample.read_bytes()
        if profile.tables and _TABLE.recognises(content, sample.name):
            return asyncio.run(_table(profile, sample, content, received, about, saying(said)))
        return asyncio.run(tried(profile, content, received, about))
    except OSError as error:
        raise OperatorError(f"{sample} cannot be read: {error.strerror}.") from error
    except IngestError as error:
        raise OperatorError(f"The sample cannot be read: {error}") from error


async def tried(profile: DeviceProfile, content: bytes, received: datetime, about: Subject) -> Trial:
    """What a device of this type would make of `content`. Raises IngestError if it is no JSON."""
    bench = _bench(profile, about)
    batch = json_batch(content, MAX_READINGS)
    sha256 = hashlib.sha256(content).digest()
    results = await bench.pipeline.take(batch.items, batch.raw, bench.device, received, "reading", sha256)
    where = tuple(f"reading {number}" for number in range(1, len(results) + 1))
    return bench.trial(where, results)


async def _table(
    profile: DeviceProfile, path: Path, content: bytes, received: datetime, about: Subject, said: Saying
) -> Trial:
    bench = _bench(profile, about)
    file = Incoming(path.name, path, len(content), hashlib.sha256(content).digest())
    contents = _TABLE.read(file, said.origin(bench.device, received))
    units = list(contents.units)
    decoded: list[Decoded] = [unit.readings[0] if unit.readings else unit.issues for unit in units]
    sent = sent_by(bench.device, file.sha256, received)
    results = await bench.pipeline.stored(decoded, bench.device, sent, "file")
    return bench.trial(tuple(unit.where for unit in units), results)


@dataclass(frozen=True, slots=True)
class _Bench:
    """A device on its patient, and what its readings pass through."""

    device: Device
    sink: "_Shown"
    states: "_Told"
    pipeline: Pipeline

    def trial(self, where: tuple[str, ...], results: Sequence[Result]) -> Trial:
        """What came of it."""
        made = self.sink.resources, self.sink.provenances, self.states.resources
        return Trial(where, tuple(results), *made)


def _bench(profile: DeviceProfile, about: Subject) -> _Bench:
    everyone = (Assignment(about.patient, _ALWAYS, _NEVER),)
    device = Device(0, about.device, about.name, profile.key, False, (), everyone, _ALWAYS, profile)
    sink, states = _Shown(), _Told(device, about.identity_key)
    pipeline = Pipeline(_OneDevice(), sink, _Nowhere(), states, about.identity_key)
    return _Bench(device, sink, states, pipeline)


class _Shown:
    """A sink that checks as the store does and keeps the resources to be shown."""

    def __init__(self) -> None:
        self.groups: list[Prepared] = []

    async def store(self, groups: Sequence[Group]) -> list[Stored]:
        """Each group as created, unless the store would refuse it."""
        return [await self._one(group) for group in groups]

    async def _one(self, group: Group) -> Stored:
        try:
            prepared = await prepared_group(group)
        except InvalidResource as error:
            return refused(error)
        self.groups.append(prepared)
        return Stored("created", prepared.references)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What the readings became."""
        return tuple(_tree(draft) for group in self.groups for draft in group.drafts)

    @property
    def provenances(self) -> tuple[Resource, ...]:
        """Where these came from."""
        writes = [(group, draft, 1) for group in self.groups for draft in group.drafts]
        return tuple(map(_tree, provenance_drafts("CREATE", writes)))


class _Told:
    """The device as it was registered, and as it is with what it says of itself."""

    def __init__(self, device: Device, identity_key: bytes) -> None:
        self._identity_key = identity_key
        self._state: dict[str, object] = {}
        self._levels: list[Resource] = []
        self._device = mapped_device(device.id, device.name, device.type)
        self._metrics = device_metrics(device.id, device.type)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The Device, its DeviceMetrics, and the levels of its battery."""
        return (self._device, *self._metrics, *self._levels)

    async def complete(self, device: Device) -> None:
        """Nothing: all DeviceMetrics are there."""

    async def keep(self, stated: Sequence[Stated]) -> list[tuple[str, ...]]:
        """For each the references of what it changed."""
        return [self._one(each) for each in stated]

    def _one(self, stated: Stated) -> tuple[str, ...]:
        before, status = self.resources, stated.status
        changes = changed(status, self._state)
        self._state = state_after(self._state, status, changes)
        self._device = device_saying(self._device, changes)
        self._metrics = tuple(device_metric_saying(each, changes) for each in self._metrics)
        level = battery_observation(stated.device.id, status, changes, self._identity_key)
        self._levels += [] if level is None else [level]
        return tuple(
            f"{each['resourceType']}/{each['id']}"
            for each in self.resources
            if not any(each is other for other in before)
        )


class _OneDevice:
    """No registry: the device of a trial has all its assignments already."""

    async def find(self, name: str, now: datetime) -> Device | None:  # noqa: ARG002 - the port's arguments
        return None

    async def held_key(self, id: str, now: datetime) -> HeldKey | None:  # noqa: ARG002 - as above
        return None

    async def assignments(self, device: int, since: datetime) -> tuple[Assignment, ...]:  # noqa: ARG002 - as above
        return ()


class _Nowhere:
    """No dead letters: what a trial rejects is shown."""

    async def keep(self, letters: Sequence[Letter]) -> None:
        pass

    async def waiting(self, *, after: int = 0, limit: int = 100) -> list[KeptLetter]:  # noqa: ARG002 - the port's
        return []

    async def get(self, number: int) -> KeptLetter | None:  # noqa: ARG002 - as above
        return None

    async def stored(self, number: int, references: tuple[str, ...]) -> None:
        pass

    async def refused(self, number: int, issues: tuple[Issue, ...]) -> None:
        pass


def _tree(draft: Draft) -> Resource:
    return cast("Resource", draft.tree)
