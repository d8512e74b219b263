"""Where resources came from: the message with its hash, the device that sent it, the declaration and software that read it.

https://hl7.org/fhir/R4/provenance.html; docs/adr/0014-provenance.md
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from mappers.identity import resource_id
from mappers.mapped import Resource
from mappers.occasion import end_of, instant
from mappers.reading import Reading
from mappers.times import DeviceTime
from terminology.systems import MESSAGE_SHA256

MOST_TARGETS: Final = 500
"""What one Provenance names at most, so that none becomes too long to read; further ones follow it."""

Activity = Literal["CREATE", "UPDATE"]
Target: TypeAlias = tuple[str, int]
"""A reference (`Observation/x`) and the version that the message made of it."""

_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SAID: Final[dict[Activity, tuple[str, str]]] = {
    "CREATE": ("create", "Sent by the device"),
    "UPDATE": ("revise", "Corrected or completed by the device"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes that came from a device at once: the body of a request, a file, a dead letter.

    `profile` is the device type that they were read as.
    """

    sha256: bytes
    received: datetime
    device_id: str
    profile: str
    profile_version: str


@dataclass(frozen=True, slots=True)
class Measured:
    """The first and the last time that a device states of what it measured."""

    first: DeviceTime
    last: DeviceTime

    def joined(self, other: "Measured") -> "Measured":
        """The times of both."""
        first = min(self.first, other.first, key=_moment)
        return Measured(first, max(self.last, other.last, key=_moment))


@dataclass(frozen=True, slots=True)
class About:
    """Whom (`Patient/x`) the targets of a Provenance are about, and when they were measured."""

    patient: str
    measured: Measured


def measured(reading: Reading) -> Measured:
    """The times of one reading."""
    return Measured(reading.time, end_of(reading))


def provenances(
    message: Message, activity: Activity, about: About, targets: Sequence[Target], software: str
) -> list[Resource]:
    """What the message did, `activity`, to `targets`: a Provenance for each five hundred; none where there are none.

    Each has the Patient among its targets, and so is in the compartment. Equal arguments give equal ids, and no two that
    name other versions of other resources have one in common.
    """
    parts = (targets[start : start + MOST_TARGETS] for start in range(0, len(targets), MOST_TARGETS))
    return [_provenance(message, activity, about, part, software) for part in parts]


def _provenance(
    message: Message, activity: Activity, about: About, targets: Sequence[Target], software: str
) -> Resource:
    reference, version = targets[0]
    milliseconds = int(message.received.timestamp() * 1000)
    occurred, when = _occurred(about.measured)
    code, text = _SAID[activity]
    return {
        "resourceType": "Provenance",
        "id": resource_id(message.sha256, milliseconds, f"{reference}/_history/{version}"),
        "target": [
            *[{"reference": reference} for reference, _ in targets],
            {"reference": about.patient},
        ],
        occurred: when,
        "recorded": instant(message.received),
        "policy": [f"urn:fhir-server:device-type:{message.profile}:{message.profile_version}"],
        "activity": {"coding": [{"system": _OPERATION, "code": activity, "display": code}], "text": text},
        "agent": [
            {
                "type": _participation("performer", "Performer"),
                "who": {"reference": f"Device/{message.device_id}"},
            },
            {"type": _participation("assembler", "Assembler"), "who": {"display": software}},
        ],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"system": MESSAGE_SHA256, "value": message.sha256.hex()}},
            },
            *[
                {"role": "revision", "what": {"reference": f"{reference}/_history/{version - 1}"}}
                for reference, version in targets
                if version > 1
            ],
        ],
    }


def _participation(code: str, display: str) -> Resource:
    return {"coding": [{"system": _PARTICIPATION, "code": code, "display": display}]}


def _occurred(times: Measured) -> tuple[str, object]:
    first, last = times.first, times.last
    if first.nanoseconds == last.nanoseconds:
        return "occurredDateTime", first.text
    return "occurredPeriod", {"start": first.text, "end": last.text}


def _moment(time: DeviceTime) -> int:
    return time.nanoseconds
