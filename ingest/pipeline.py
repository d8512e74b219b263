"""Readings to resources to answers: decode, assign, map, store, and keep what was rejected.

DESIGN.md, "A reading"; docs/ingest.md
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Final, TypeAlias, TypeVar

from ingest import metrics
from ingest.answer import Result
from ingest.decoders import health_connect as health_connect_decoder
from ingest.decoders import kept as kept_decoder
from ingest.decoders import omh as omh_decoder
from ingest.decoders import phd as phd_decoder
from ingest.decoders import reading as reading_decoder
from ingest.decoders import shaped as shaped_decoder
from ingest.decoders import vitals as vitals_decoder
from ingest.decoders.reading import Decoded, Series
from ingest.issue import Issue
from ingest.ports import Assignment, DeadLetters, Device, Devices, DeviceStates, Letter, LetterFormat, Stated
from ingest.sink import Draft, Group, Sink, Stored
from mappers.device import metric_keys
from mappers.identity import fingerprint
from mappers.mapped import MappingContext, MappingResult, Rejected
from mappers.message import clock_issue
from mappers.observation import map_reading
from mappers.personal_health_observation import map_personal_health
from mappers.provenance import Measured, Message, measured
from mappers.reading import MappingIssue, Reading

Tree: TypeAlias = dict[str, object]
Work: TypeAlias = Group | Stated | tuple[Issue, ...]
"""What is to be stored of a reading, what the device said of itself and nothing else, or why nothing is stored."""

Planned: TypeAlias = tuple[Work, tuple[Issue, ...]]
"""A message's work, and what is said beside it when it is stored."""

Item = TypeVar("Item")
Mapper: TypeAlias = Callable[[Reading, MappingContext], MappingResult]

Decoder: TypeAlias = Callable[[Tree, Device, datetime], Decoded]

_DECODERS: Final[dict[LetterFormat, Decoder]] = {
    "reading": reading_decoder.decode,
    "addressed": reading_decoder.decode_addressed,
    "vitals": vitals_decoder.decode,
    "omh": omh_decoder.decode,
    "health-connect": health_connect_decoder.decode,
    "phd": phd_decoder.decode,
    "file": kept_decoder.decode,
}

_MAPPERS: Final[dict[LetterFormat, Mapper]] = {"phd": map_personal_health}
"""Formats whose readings say more than the fields of a device type."""

_TOGETHER: Final = 100
_SAID: Final = 20
"""Of a message with many readings no more is said than this: the rest is the same again."""

_WITH_DATA: Final = frozenset({"reading", "addressed"})
"""Formats whose values stand under `data`."""

_OF_MESSAGE: Final = frozenset({"timestamp", "patient", "sequence", "duration", "quality"})

_REFUSALS: Final = {
    "ambiguous": Issue(
        "conflict",
        "Another value is stored for the same device, patient, measurement, and time or record. Send `corrects: true`, or "
        "the later date of change, if this one corrects it; else times fine enough, or ids, to tell the two apart.",
        "timestamp",
    ),
    "deleted": Issue(
        "deleted",
        "This reading was deleted or marked as an error since. It is not brought back.",
        "timestamp",
    ),
    "invalid": Issue("invariant", "The resources made of this reading break a rule of R4."),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What a device sent at once; what its readings are mapped with is worked out once for each patient and kept here."""

    message: Message
    contexts: dict[str, MappingContext] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What readings pass through, whatever they arrived by."""

    devices: Devices
    sink: Sink
    dead_letters: DeadLetters
    states: DeviceStates
    identity_key: bytes

    async def take(
        self,
        items: Sequence[Tree | Issue],
        raw: Callable[[int], bytes],
        device: Device,
        received: datetime,
        format: LetterFormat,
        sha256: bytes,
    ) -> list[Result]:
        """One result per item in order, after everything stored and every dead letter is committed.

        `sha256` is the hash of the bytes that all of them came in. Raises Unavailable when that cannot be promised; the
        same items may then be sent again.
        """
        decode = decoder(format, device)
        decoded: list[Decoded] = [
            (item,) if isinstance(item, Issue) else decode(item, device, received)
            async for item in _unhurried(items)
        ]
        _observe_lag(decoded, received)
        known = await self.with_assignments(device, decoded)
        results = await self.stored(decoded, known, sent_by(device, sha256, received), format)
        letters = [
            Letter(device.name, format, raw(index), received, result.issues)
            for index, result in enumerate(results)
            if result.status == "rejected"
        ]
        if letters:
            await self.dead_letters.keep(letters)
        return results

    async def with_assignments(self, device: Device, decoded: Sequence[Decoded]) -> Device:
        """The device, its DeviceMetrics complete, with every assignment that the times of its readings may need."""
        if device.metrics != metric_keys(device.type):
            await self.states.complete(device)
        oldest = min((each.time.moment for each in _readings(decoded)), default=None)
        if oldest is None or oldest >= device.assignments_since:
            return device
        assignments = await self.devices.assignments(device.key, oldest)
        return replace(device, assignments=assignments, assignments_since=oldest)

    async def stored(
        self,
        decoded: Sequence[Decoded],
        device: Device,
        sent: Sent,
        format: LetterFormat,
    ) -> list[Result]:
        """One result per decoded message, after the commit; rejected ones are answered and not kept."""
        mapper = mapper_of(format)
        planned: list[Planned] = []
        async for each in _unhurried(decoded):
            if isinstance(each, Series):
                parts = _unhurried(each.readings)
                planned.append(
                    _joined([self._work(one, device, sent, format, mapper) async for one in parts])
                )
            else:
                planned.append(self.planned(each, device, sent, format, mapper))
        return await self.committed(planned)

    def planned(
        self,
        decoded: Decoded,
        device: Device,
        sent: Sent,
        format: LetterFormat,
        mapper: Mapper = map_reading,
    ) -> Planned:
        """What is to be stored of one decoded message, worked out without I/O; `sent` is of all that came in one."""
        match decoded:
            case Reading():
                return self._work(decoded, device, sent, format, mapper)
            case Series():
                return _joined([self._work(one, device, sent, format, mapper) for one in decoded.readings])
            case _:
                return decoded, ()

    async def committed(self, planned: Sequence[Planned]) -> list[Result]:
        """One result per plan in order, after the commit of them all."""
        groups = [work for work, _ in planned if isinstance(work, Group)]
        answers = iter(await self.sink.store(groups) if groups else ())
        results = [
            _result(next(answers), said) if isinstance(work, Group) else _unstored(work)
            for work, said in planned
        ]
        await self._keep_states(planned, results)
        return results

    async def _keep_states(self, planned: Sequence[Planned], results: list[Result]) -> None:
        """What devices said of themselves is kept, unless it came with a reading that was rejected."""
        stated = [
            (index, said)
            for index, (work, _) in enumerate(planned)
            if (said := _stated(work)) is not None and results[index].status != "rejected"
        ]
        if not stated:
            return
        kept = await self.states.keep([said for _, said in stated])
        for (index, _), references in zip(stated, kept, strict=True):
            if references and isinstance(planned[index][0], Stated):
                results[index] = Result("created", references)

    def _work(
        self,
        reading: Reading,
        device: Device,
        sent: Sent,
        format: LetterFormat,
        mapper: Mapper,
    ) -> Planned:
        stated = None if reading.status is None else Stated(device, reading.status)
        if stated is not None and not reading.fields:
            return stated, ()
        patient = assigned_patient(device.assignments, reading.time.moment)
        if patient is None:
            return (_unassigned(reading, device, format),), ()
        context = sent.contexts.get(patient)
        if context is None:
            context = sent.contexts[patient] = self._context(device, patient)
        mapped = mapper(reading, context)
        if isinstance(mapped, Rejected):
            return tuple(issue_of(each, reading, format) for each in mapped.issues), ()
        drafts = tuple(Draft(each, short_fingerprint(each)) for each in mapped.resources)
        said = tuple(issue_of(each, reading, format) for each in mapped.warnings) if mapped.warnings else ()
        group = Group(drafts, sent.message, measured(reading), mapped.corrects, reading.revised, stated)
        return group, said

    def _context(self, device: Device, patient: str) -> MappingContext:
        return MappingContext(patient, device.id, device.type, self.identity_key)


def sent_by(device: Device, sha256: bytes, received: datetime) -> Sent:
    """What `device` sent in bytes of this SHA-256: the body of a request, a file, a dead letter."""
    return Sent(Message(sha256, received, device.id, device.profile, device.type.version))


def mapper_of(format: LetterFormat) -> Mapper:
    """What makes resources of readings that came in this format."""
    return _MAPPERS.get(format, map_reading)


def decoder(format: LetterFormat, device: Device) -> Decoder:
    """What reads messages of this format that `device` sends: a type with a shape says its own readings by it."""
    if format in _WITH_DATA and device.type.shape is not None:
        return shaped_decoder.decode
    return _DECODERS[format]


def assigned_patient(assignments: Sequence[Assignment], moment: datetime) -> str | None:
    """The id of the patient whose device it was at `moment`, None when it was nobody's."""
    for assignment in assignments:
        if assignment.start <= moment < assignment.end:
            return assignment.patient
    return None


def short_fingerprint(resource: dict[str, object]) -> int:
    """The first 64 bits of the fingerprint of the clinical content, signed."""
    return int.from_bytes(fingerprint(resource)[:8], signed=True)


def issue_of(issue: MappingIssue, reading: Reading, format: LetterFormat) -> Issue:
    """`issue` with the element's path in the reading as it was sent; none when it is about a flat reading as a whole."""
    element: str | None = issue.element
    if reading.paths:
        element = reading.paths.get(issue.element) or (None if element == "fields" else element)
    elif element == "fields":
        element = "data" if format in _WITH_DATA else None
    elif element == "patient":
        element = _patient(format)
    elif format in _WITH_DATA and (element in reading.fields or element not in _OF_MESSAGE):
        element = f"data.{element}"
    return Issue(issue.code, issue.text, element, issue.severity)


def _joined(works: Sequence[Planned]) -> Planned:
    """What is to be stored of a message whose readings became `works`: all of it, or nothing and why."""
    errors = [issue for work, _ in works if isinstance(work, tuple) for issue in work]
    if errors:
        return tuple(errors[:_SAID]), ()
    groups = [work for work, _ in works if isinstance(work, Group)]
    joined = Group(
        tuple(draft for group in groups for draft in group.drafts),
        groups[0].message,
        reduce(Measured.joined, (group.measured for group in groups)),
        any(group.amends for group in groups),
        max((group.revised for group in groups if group.revised is not None), default=None),
    )
    return joined, tuple(issue for _, said in works for issue in said)[:_SAID]


def _readings(decoded: Sequence[Decoded]) -> Iterator[Reading]:
    for each in decoded:
        if isinstance(each, Reading):
            yield each
        elif isinstance(each, Series):
            yield from each.readings


async def _unhurried(items: Sequence[Item]) -> AsyncIterator[Item]:
    """The items, with a pause for other requests after every few milliseconds' worth of them."""
    for number, item in enumerate(items, 1):
        yield item
        if number % _TOGETHER == 0:
            await asyncio.sleep(0)


def _observe_lag(decoded: Sequence[Decoded], received: datetime) -> None:
    newest = max((each.time.moment for each in _readings(decoded)), default=None)
    if newest is not None:
        metrics.LAG.observe(max(0.0, (received - newest).total_seconds()))


def _patient(format: LetterFormat) -> str:
    return "patient_id" if format == "addressed" else "patient"


def _unassigned(reading: Reading, device: Device, format: LetterFormat) -> Issue:
    wrong = clock_issue(reading, device.type)
    if wrong is not None:
        return issue_of(wrong, reading, format)
    text = (
        f"The device was assigned to no patient at {reading.time.text}. "
        "Record a DeviceUseStatement with that time in its timingPeriod, then retry the dead letter or send it again."
    )
    return Issue("business-rule", text, _patient(format))


def _stated(work: Work) -> Stated | None:
    return work.stated if isinstance(work, Group) else work if isinstance(work, Stated) else None


def _unstored(work: Stated | tuple[Issue, ...]) -> Result:
    if isinstance(work, Stated):
        return Result("unchanged", (f"Device/{work.device.id}",))
    return Result("rejected", (), work)


def _result(stored: Stored, warnings: tuple[Issue, ...]) -> Result:
    if stored.outcome in ("created", "unchanged", "amended"):
        return Result(stored.outcome, stored.references, warnings + stored.issues)
    return Result("rejected", (), stored.issues or (_REFUSALS[stored.outcome],))
