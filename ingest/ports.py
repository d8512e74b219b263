"""What ingest needs kept for it: devices and their secrets, admissions, dead letters.

docs/ingest.md; `fhir_server/store/devices` implements these on PostgreSQL. Each method raises `errors.Unavailable` when
what it needs cannot be reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from ingest.issue import Issue
from mappers.device_status import DeviceStatus
from mappers.profile import DeviceProfile, device_profile


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that a device signs with; `valid_until` is None while no newer one has replaced it."""

    key: bytes = field(repr=False)
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The device is used on `patient` (the Patient's id) in `[start, end)`."""

    patient: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device with all a request of its needs; `assignments` are all that end after `assignments_since`.

    `declared` is its type; None where that is the one of the mappers' own that `profile` names. `metrics` names the
    DeviceMetrics that it has, `state` is what it last said of itself.
    """

    key: int
    id: str
    name: str
    profile: str
    disabled: bool
    secrets: tuple[Secret, ...]
    assignments: tuple[Assignment, ...]
    assignments_since: datetime
    declared: DeviceProfile | None = None
    metrics: str | None = None
    state: Mapping[str, object] = field(default_factory=dict)

    @property
    def type(self) -> DeviceProfile:
        """What its readings are read by. Raises UnknownProfile where there is no such type."""
        return self.declared or device_profile(self.profile)


@dataclass(frozen=True, slots=True)
class HeldKey:
    """An API key: the device that holds it, the hash of its text, and when it ends."""

    device: Device
    sha256: bytes = field(repr=False)
    valid_until: datetime | None = None


class Devices(Protocol):
    """The registered devices."""

    async def find(self, name: str, now: datetime) -> Device | None:
        """The device with this registered name or Device id, with its valid secrets; None when there is none."""
        ...

    async def held_key(self, id: str, now: datetime) -> HeldKey | None:
        """The API key with this public id and the device that holds it; None when there is none, or it has ended."""
        ...

    async def assignments(self, device: int, since: datetime) -> tuple[Assignment, ...]:
        """All assignments of the device that end after `since`."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Stated:
    """What `device` says of itself."""

    device: Device
    status: DeviceStatus


class DeviceStates(Protocol):
    """What there is of devices beside what they measure: their DeviceMetrics, and what they say of themselves."""

    async def complete(self, device: Device) -> None:
        """The device has a DeviceMetric for everything its type measures or has set, as declared now."""
        ...

    async def keep(self, stated: Sequence[Stated]) -> list[tuple[str, ...]]:
        """For each the references of what it changed, after the commit; nothing is written of what was so before."""
        ...


class Admissions(Protocol):
    """Which authenticated requests may go on, shared by all workers: a rate per device, and one answer per signature."""

    async def admit(self, device: int, signature: bytes) -> Answer | None:
        """None when the caller is to answer this request; else the answer its first copy got, waited for if need be.

        Raises RateLimited when the device sends too often.
        """
        ...

    async def limit(self, device: int) -> None:
        """Nothing, for a request without a signature; raises RateLimited when the device sends too often."""
        ...

    async def answered(self, device: int, signature: bytes, answer: Answer) -> None:
        """Keep the answer for copies of the request."""
        ...

    async def release(self, device: int, signature: bytes) -> None:
        """Forget a claim that was not answered, so that the client may try again."""
        ...

    async def prune(self) -> None:
        """Forget what is older than any signature may be."""
        ...


LetterFormat = Literal["reading", "addressed", "vitals", "omh", "health-connect", "phd", "file"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A reading that could not be stored: its bytes as they came, and why."""

    device: str | None
    format: LetterFormat
    payload: bytes = field(repr=False)
    received: datetime
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter with its number, how often the same bytes came, and what a later retry made of them."""

    number: int
    letter: Letter
    times: int
    references: tuple[str, ...] | None

    @property
    def waiting(self) -> bool:
        """Whether nothing was made of it yet."""
        return self.references is None


class DeadLetters(Protocol):
    """Readings that could not be stored, until someone has looked at them."""

    async def keep(self, letters: Sequence[Letter]) -> None:
        """Return when all are committed; bytes that wait already from the same device are counted, not kept twice."""
        ...

    async def waiting(self, *, after: int = 0, limit: int = 100) -> list[KeptLetter]:
        """The letters that wait, oldest first, numbers above `after`."""
        ...

    async def get(self, number: int) -> KeptLetter | None:
        """One letter, None when there is none of this number."""
        ...

    async def stored(self, number: int, references: tuple[str, ...]) -> None:
        """Note that a retry made these resources of it; the payload is dropped."""
        ...

    async def refused(self, number: int, issues: tuple[Issue, ...]) -> None:
        """Note why a retry failed."""
        ...


@dataclass(frozen=True, slots=True)
class FileKey:
    """A file as it is told from others: `digest` is of its bytes, of its parts' and of what was said of it."""

    device: int
    digest: bytes


class IngestedFiles(Protocol):
    """Which files were taken in, by device; a file is claimed while it is read, so that two readers do not meet."""

    async def zone(self, key: FileKey, format: str | None) -> str | None:
        """The zone in which the file was read before, or that device's last file of `format`; None where none was."""
        ...

    async def claim(self, key: FileKey, name: str, format: str, *, again: bool = False) -> bytes | None:
        """None when the caller is to read the file; else the summary, as JSON, of when all of it was taken in.

        Raises FileBusy while another reads it. A claim runs out after some seconds unless it is renewed. What is to be read
        `again` is claimed though all of it was taken in.
        """
        ...

    async def renew(self, key: FileKey) -> None:
        """Hold the claim for as long again."""
        ...

    async def finish(self, key: FileKey, summary: bytes) -> None:
        """Remember the file as taken in, all of it."""
        ...

    async def release(self, key: FileKey, summary: bytes | None = None) -> None:
        """Forget the claim: the file may be brought again; of one that was read, its `summary` says in which zone."""
        ...


class KeptFiles(Protocol):
    """Where the bytes of files are kept, for Binaries to stand for."""

    async def keep(self, path: Path, size: int) -> Mapping[str, object]:
        """The members of a Binary that stand for the file's content of `size` bytes: `data`, or what points to it where it is for good."""
        ...
