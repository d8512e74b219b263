"""The minutes of a Health Connect sleep session, by stage.

https://developer.android.com/reference/kotlin/androidx/health/connect/client/records/SleepSessionRecord
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from ingest.decoders.health_connect_record import Envelope
from ingest.decoders.members import Members
from mappers.times import DeviceTime

_MINUTE: Final = timedelta(minutes=1)
_STAGES: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        0: (),
        1: ("awake",),
        2: ("sleep",),
        3: ("awake",),
        4: ("sleep", "lightSleep"),
        5: ("sleep", "deepSleep"),
        6: ("sleep", "remSleep"),
        7: ("awake",),
    }
)
"""To which fields the time in a stage counts: unknown, awake, sleeping, out of bed, light, deep, REM, awake in bed."""


@dataclass(frozen=True, slots=True)
class _Stage:
    start: DeviceTime
    end: DeviceTime
    number: int
    members: Members


def minutes(found: Envelope) -> dict[str, int | Decimal]:
    """The minutes by field; of a session without stages its own length as sleep, with a note that says so."""
    for name in ("title", "notes"):
        if (text := found.values.prose(name)) is not None:
            found.notes.append(text)
    stages = sorted(_stages(found.values), key=lambda each: each.start.moment)
    _check(stages, found)
    spent: dict[str, timedelta] = {}
    for stage in stages:
        for name in _STAGES[stage.number]:
            spent[name] = spent.get(name, timedelta()) + (stage.end.moment - stage.start.moment)
        if not _STAGES[stage.number]:
            found.notes.append(f"stage unknown from {stage.start.text} to {stage.end.text}")
    if not stages and found.duration is not None:
        spent["sleep"] = found.duration
        found.notes.append("no stages were recorded; the duration is that of the session")
    return {name: _minutes(length) for name, length in spent.items()}


def _stages(values: Members) -> Iterator[_Stage]:
    for each in values.objects("stages"):
        start, end = each.time("startTime", required=True), each.time("endTime", required=True)
        number = each.number("stage", required=True)
        each.close()
        if number is None or start is None or end is None:
            continue
        if type(number) is int and number in _STAGES:
            yield _Stage(start, end, number, each)
        else:
            each.refuse("stage", f"is none of the numbers 0 to {max(_STAGES)}.", "code-invalid")


def _check(stages: list[_Stage], session: Envelope) -> None:
    """Each stage is within the session and no two overlap: else no one could say how long was slept."""
    for before, stage in zip([None, *stages], stages, strict=False):
        if stage.end.moment < stage.start.moment:
            stage.members.refuse("endTime", "is before the start.", "invariant")
        if before is not None and stage.start.moment < before.end.moment:
            stage.members.refuse("startTime", "is before the end of another stage.", "invariant")
        if session.start and stage.start.moment < session.start.moment:
            stage.members.refuse("startTime", "is before the session.", "invariant")
        if session.end and stage.end.moment > session.end.moment:
            stage.members.refuse("endTime", "is after the session.", "invariant")


def _minutes(length: timedelta) -> int | Decimal:
    whole, rest = divmod(length, _MINUTE)
    if not rest:
        return whole
    return (Decimal(length // timedelta(milliseconds=1)) / 60_000).quantize(Decimal("0.01"))
