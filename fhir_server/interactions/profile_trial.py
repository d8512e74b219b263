"""What a device type makes of a sample, by the very steps its readings will take; nothing is stored.

docs/devices.md, "Trying it"
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fhir_server.errors import InvalidResource, OperatorError
from fhir_server.interactions.write import draft
from fhir_server.json import dumps, parse
from fhir_server.validation.structure import check
from ingest.answer import Result
from ingest.decoders.batch import json_batch
from ingest.errors import IngestError
from ingest.gateway import MAX_READINGS
from ingest.issue import Issue
from ingest.pipeline import Pipeline
from ingest.ports import Assignment, Device, HeldKey, KeptLetter, Letter, Stated
from ingest.sink import Group, Stored
from mappers.mapped import IDENTITY_KEY_BYTES, Resource
from mappers.profile import DeviceProfile

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what the resources of a trial name, and the key that their ids are made with."""

    device: str
    name: str
    patient: str
    identity_key: bytes = field(default=bytes(IDENTITY_KEY_BYTES), repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What each reading of the sample would be answered, and the resources that all would make."""

    results: tuple[Result, ...]
    resources: tuple[Resource, ...]


async def tried(profile: DeviceProfile, sample: bytes, received: datetime, about: Subject) -> Trial:
    """What a device of this type would make of `sample`, came it at `received`. Raises OperatorError if it is no JSON."""
    everyone = (Assignment(about.patient, _ALWAYS, _NEVER),)
    device = Device(0, about.device, about.name, profile.key, False, (), everyone, _ALWAYS, profile)
    sink = _Shown()
    pipeline = Pipeline(_OneDevice(), sink, _Nowhere(), _NoStates(), about.identity_key)
    try:
        batch = json_batch(sample, MAX_READINGS)
    except IngestError as error:
        raise OperatorError(f"The sample cannot be read: {error}") from error
    sha256 = hashlib.sha256(sample).digest()
    results = await pipeline.take(batch.items, batch.raw, device, received, "reading", sha256)
    return Trial(tuple(results), tuple(sink.resources))


class _Shown:
    """A sink that checks as the store does and keeps the resources to be shown."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []

    async def store(self, groups: Sequence[Group]) -> list[Stored]:
        """Each group as created, unless the store would refuse it."""
        return [self._one(group) for group in groups]

    def _one(self, group: Group) -> Stored:
        made = [each.resource for each in group.drafts]
        try:
            for resource in made:
                text = dumps(resource)
                check(str(resource["resourceType"]), text)
                draft(str(resource["resourceType"]), parse(text), id=str(resource["id"]), method="POST")
        except InvalidResource as error:
            said = (Issue(each.code, each.diagnostics, each.expression) for each in error.issues)
            return Stored("invalid", (), tuple(said))
        self.resources.extend(made)
        return Stored("created", tuple(f"{each['resourceType']}/{each['id']}" for each in made))


class _OneDevice:
    """No registry: the device of a trial has all its assignments already."""

    async def find(self, name: str, now: datetime) -> Device | None:  # noqa: ARG002 - the port's arguments
        return None

    async def held_key(self, id: str, now: datetime) -> HeldKey | None:  # noqa: ARG002 - as above
        return None

    async def assignments(self, device: int, since: datetime) -> tuple[Assignment, ...]:  # noqa: ARG002 - as above
        return ()


class _NoStates:
    """No states: a trial shows what is measured."""

    async def complete(self, device: Device) -> None:
        pass

    async def keep(self, stated: Sequence[Stated]) -> list[tuple[str, ...]]:
        return [() for _ in stated]


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
