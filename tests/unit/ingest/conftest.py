"""Fakes of what ingest needs kept, in memory."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from ingest.device_auth import SignedRequest
from ingest.errors import RateLimited, SinkUnavailable
from ingest.gateway import Gateway
from ingest.issue import Issue
from ingest.pipeline import Pipeline
from ingest.ports import Answer, Assignment, Device, HeldKey, KeptLetter, Letter, Secret, Stated
from ingest.sink import Group, Stored

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECRET = b"correct horse battery staple"
DEVICE = Device(
    key=1,
    id="0198c0de-0000-7000-8000-000000000001",
    name="pi-001",
    profile="pulse-oximeter",
    disabled=False,
    secrets=(Secret(SECRET),),
    assignments=(Assignment("p1", NOW - timedelta(days=10), NOW + timedelta(days=10)),),
    assignments_since=NOW - timedelta(days=30),
)


@dataclass
class FakeDevices:
    """Devices by name; `older` are assignments that `find` does not bring along."""

    known: dict[str, Device] = field(default_factory=lambda: {DEVICE.name: DEVICE, DEVICE.id: DEVICE})
    older: tuple[Assignment, ...] = ()
    keys: dict[str, HeldKey] = field(default_factory=dict)
    asked_since: list[datetime] = field(default_factory=list)

    async def find(self, name: str, now: datetime) -> Device | None:
        return self.known.get(name)

    async def held_key(self, id: str, now: datetime) -> HeldKey | None:
        return self.keys.get(id)

    async def assignments(self, device: int, since: datetime) -> tuple[Assignment, ...]:
        self.asked_since.append(since)
        return self.older


@dataclass
class MemorySink:
    """Keeps groups as the store does; `away` makes it unavailable."""

    stored: dict[str, tuple[dict[str, object], int]] = field(default_factory=dict)
    away: bool = False
    calls: int = 0

    async def store(self, groups: Sequence[Group]) -> list[Stored]:
        self.calls += 1
        if self.away:
            raise SinkUnavailable
        return [self._one(group) for group in groups]

    def _one(self, group: Group) -> Stored:
        ids = [str(draft.resource["id"]) for draft in group.drafts]
        known = [self.stored.get(id) for id in ids]
        changed = any(
            old is not None and old[1] != draft.fingerprint
            for old, draft in zip(known, group.drafts, strict=True)
        )
        if changed and not group.amends:
            return Stored("ambiguous")
        self.stored |= {
            id: (draft.resource, draft.fingerprint) for id, draft in zip(ids, group.drafts, strict=True)
        }
        references = tuple(
            f"{draft.resource['resourceType']}/{draft.resource['id']}" for draft in group.drafts
        )
        return Stored("amended" if changed else "created" if None in known else "unchanged", references)


@dataclass
class MemoryAdmissions:
    """Answers by signature; `limited` refuses, `forgetful` fails to keep answers."""

    answers: dict[bytes, Answer | None] = field(default_factory=dict)
    limited: bool = False
    forgetful: bool = False

    async def admit(self, device: int, signature: bytes) -> Answer | None:
        if self.limited:
            raise RateLimited(3)
        return self.answers.setdefault(signature, None)

    async def limit(self, device: int) -> None:
        if self.limited:
            raise RateLimited(3)

    async def answered(self, device: int, signature: bytes, answer: Answer) -> None:
        if self.forgetful:
            raise SinkUnavailable
        self.answers[signature] = answer

    async def release(self, device: int, signature: bytes) -> None:
        self.answers.pop(signature, None)

    async def prune(self) -> None:
        pass


@dataclass
class MemoryLetters:
    """Dead letters in a list, numbered from 1."""

    kept: list[KeptLetter] = field(default_factory=list)

    async def keep(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self.kept.append(KeptLetter(len(self.kept) + 1, letter, 1, None))

    async def waiting(self, *, after: int = 0, limit: int = 100) -> list[KeptLetter]:
        return [each for each in self.kept if each.waiting and each.number > after][:limit]

    async def get(self, number: int) -> KeptLetter | None:
        return self.kept[number - 1] if 0 < number <= len(self.kept) else None

    async def stored(self, number: int, references: tuple[str, ...]) -> None:
        self.kept[number - 1] = replace(self.kept[number - 1], references=references)

    async def refused(self, number: int, issues: tuple[Issue, ...]) -> None:
        kept = self.kept[number - 1]
        self.kept[number - 1] = replace(kept, letter=replace(kept.letter, issues=issues))


@dataclass
class MemoryStates:
    """What devices said of themselves, in a list; `completed` are those whose DeviceMetrics were made."""

    kept: list[Stated] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)

    async def complete(self, device: Device) -> None:
        self.completed.append(device.id)

    async def keep(self, stated: Sequence[Stated]) -> list[tuple[str, ...]]:
        self.kept += stated
        return [(f"Device/{each.device.id}",) for each in stated]


@dataclass
class Bench:
    """An ingest on fakes, whose clock stands still, and the device `pi-001` that signs."""

    devices: FakeDevices = field(default_factory=FakeDevices)
    sink: MemorySink = field(default_factory=MemorySink)
    admissions: MemoryAdmissions = field(default_factory=MemoryAdmissions)
    letters: MemoryLetters = field(default_factory=MemoryLetters)
    states: MemoryStates = field(default_factory=MemoryStates)
    now: datetime = NOW
    device: Device = DEVICE

    def clock(self) -> datetime:
        return self.now

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.devices, self.sink, self.letters, self.states, b"i" * 32)

    def gateway(self, max_readings: int = 100) -> Gateway:
        return Gateway(self.pipeline, self.admissions, self.clock, max_readings=max_readings)

    def signed(
        self,
        body: bytes,
        *,
        form: str = "ingest",
        name: str = "pi-001",
        secret: bytes = SECRET,
        timestamp: str | None = None,
        path: str | None = None,
    ) -> SignedRequest:
        path = path or ("/ingest/readings" if form == "ingest" else "/api/device/vitals")
        stamp = timestamp if timestamp is not None else str(int(self.now.timestamp()))
        text = stamp.encode() + b"." + body
        if form == "ingest":
            text = f"POST\n{path}\n{stamp}\n{name}\n{hashlib.sha256(body).hexdigest()}".encode()
        signature = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
        return SignedRequest(form, "POST", path, [name], [stamp], [signature], body)


@pytest.fixture
def bench() -> Bench:
    return Bench()
