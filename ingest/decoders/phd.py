"""One Observation after the HL7 Personal Health Device guide: MDC codes, UCUM units, the device's own time.

https://build.fhir.org/ig/HL7/phd/

It comes alone, or as a Bundle of itself and the Devices and time stamps that it refers to, as `phd_bundle` cuts one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ingest.decoders.fhir_words import extension_words, words
from ingest.decoders.members import Members
from ingest.decoders.phd_references import Referred, is_time_stamp, names, referred
from ingest.decoders.phd_status import Status, status
from ingest.decoders.phd_value import Measured, measured
from ingest.issue import Issue
from ingest.ports import Device
from mappers.circumstances import Circumstances
from mappers.personal_health import PersonalHealth
from mappers.reading import Reading
from mappers.times import DeviceTime

_PROFILES: Final = "http://hl7.org/fhir/uv/phd/StructureDefinition/"
_GATEWAY: Final = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
_TIME_STAMP_REFERENCE: Final = f"{_PROFILES}CoincidentTimeStampReference"
_LONGEST_NOTE: Final = 4000

# what the source keeps of its own copy, and what this server says in its own words
_NOT_STORED: Final = ("id", "text", "language", "category", "implicitRules")


@dataclass(frozen=True, slots=True)
class _Parties:
    """Whom the Observation is about, as far as it says so, and what passed it on."""

    patient: str | None
    gateway: str | None


def decode(tree: dict[str, object], device: Device, received: datetime) -> Reading | tuple[Issue, ...]:
    """The reading that the Observation in `tree` is, sent by `device`, or every issue it has, each naming its element."""
    issues: list[Issue] = []
    found = _observation(tree, issues)
    if found is None:
        return tuple(issues)
    observation, others = found
    time, duration = _time(observation)
    stated = status(observation)
    _refuse_test_data(observation)
    time_stamp = is_time_stamp(observation.tree)
    parties = _parties(observation, others, device, time_stamp=time_stamp)
    gateway, notes = _extensions(observation, others)
    value = measured(observation, time_stamp=time_stamp)
    circumstances = _circumstances(observation, parties, (*stated.notes, *notes, *value.notes))
    identifiers = tuple(_identifiers(observation))
    for name in _NOT_STORED:
        observation.value(name)
    observation.close()
    if issues or time is None:
        return tuple(issues)
    paths = {"patient": "subject", "quality": "interpretation", "timestamp": _time_name(duration)}
    return Reading(
        device=device.name,
        profile=device.profile,
        time=time,
        received=received,
        fields=value.fields,
        units=value.units,
        patient=parties.patient,
        sequence=value.sequence,
        duration=duration,
        corrects=stated.corrects,
        quality=stated.quality,
        circumstances=circumstances,
        paths=value.paths | paths,
        personal_health=_kept(value, stated, parties.gateway or gateway, identifiers),
    )


def _kept(
    value: Measured, stated: Status, gateway: str | None, identifiers: tuple[tuple[str | None, str], ...]
) -> PersonalHealth:
    """What the resources of the reading keep of the Observation beside its values."""
    return PersonalHealth(
        codings=value.codings,
        interpretation=stated.interpretation,
        gateway=gateway,
        identifiers=identifiers,
        sampled=value.sampled,
        source_coded=value.source_coded,
    )


def _observation(tree: dict[str, object], issues: list[Issue]) -> tuple[Members, Referred] | None:
    """The Observation and what it may refer to; None, with an issue, where there is not exactly one."""
    if tree.get("resourceType") == "Observation":
        members = Members(tree, "", issues)
        members.value("resourceType")
        return members, {}
    found, others = referred(tree)
    if found is None:
        text = "This is no Observation and no Bundle of one. Send what a personal health gateway sends."
        issues.append(Issue("structure", text, "resourceType"))
        return None
    members = Members(found, "", issues)
    members.value("resourceType")
    return members, others


def _refuse_test_data(observation: Members) -> None:
    meta = observation.object("meta")
    if meta is not None and any(label.value("code") == "HTEST" for label in meta.objects("security")):
        meta.refuse(
            "security", "says that this is test data. It is not stored as a patient's.", "not-supported"
        )


def _time(observation: Members) -> tuple[DeviceTime | None, timedelta | None]:
    period = observation.object("effectivePeriod")
    moment = observation.time("effectiveDateTime", required=period is None)
    if period is None:
        return moment, None
    if moment is not None:
        observation.refuse("effectivePeriod", "stands beside effectiveDateTime. Send one.", "structure")
    start, end = period.time("start", required=True), period.time("end", required=True)
    period.close()
    if start is None or end is None:
        return start, None
    if end.moment <= start.moment:
        period.refuse("end", f"{end.text} is not after the start.")
        return start, None
    return start, end.moment - start.moment


def _time_name(duration: timedelta | None) -> str:
    return "effectiveDateTime" if duration is None else "effectivePeriod.start"


def _parties(observation: Members, others: Referred, device: Device, *, time_stamp: bool) -> _Parties:
    """Of a coincident time stamp the device is the subject, and the gateway the device that took it."""
    measured_by = names(observation.object("device"), others)
    about = observation.object("subject")
    subject = names(about, others)
    if time_stamp or (about is not None and subject.type == "Device"):
        _check_device(observation, "subject", subject.names, device)
        return _Parties(None, next(iter(measured_by.names), None) if time_stamp else None)
    _check_device(observation, "device", measured_by.names, device)
    if about is not None and (subject.type != "Patient" or subject.id is None):
        text = (
            "names no Patient by its id. Send Patient/<id>, or leave it out: the device is assigned to one."
        )
        observation.refuse("subject", text, "not-supported")
    return _Parties(subject.id, None)


def _check_device(observation: Members, name: str, named: tuple[str, ...], device: Device) -> None:
    if name in observation and not {device.name, device.id} & set(named):
        text = "is another device than the one that sent this. Send each device's Observations as its own."
        observation.refuse(name, text, "business-rule")


def _extensions(observation: Members, others: Referred) -> tuple[str | None, list[str]]:
    """The gateway's name, and every other extension in words."""
    gateway, notes = None, []
    for extension in observation.objects("extension"):
        url = extension.text("url", required=True)
        if url == _GATEWAY:
            gateway = next(iter(names(extension.object("valueReference", required=True), others).names), None)
        elif url == _TIME_STAMP_REFERENCE:
            notes.append(_time_stamp(extension, others))
        elif url is not None:
            notes.append(extension_words(extension.tree))
    return gateway, notes


def _time_stamp(extension: Members, others: Referred) -> str:
    """What the device's clock said at a time of the gateway's, where the time stamp came along; else what it is called."""
    reference = extension.object("valueReference", required=True)
    text = None if reference is None else reference.text("reference")
    stamp = others.get(text or "")
    if stamp is None:
        return f"coincident time stamp: {text}"
    clock = words(stamp.get("valueDateTime") or stamp.get("valueQuantity") or stamp.get("dataAbsentReason"))
    return f"the device's clock said {clock} when the gateway's said {words(stamp.get('effectiveDateTime'))}"


def _circumstances(observation: Members, parties: _Parties, said: tuple[str, ...]) -> Circumstances:
    notes = list(said)
    by_patient = False
    for performer in observation.objects("performer"):
        who = performer.text("reference")
        if who is not None and parties.patient is not None and who.endswith(f"Patient/{parties.patient}"):
            by_patient = True
        else:
            notes.append(f"performer: {who or words(performer.tree)}")
    notes.extend(annotation.prose("text") or "" for annotation in observation.objects("note"))
    if (issued := observation.text("issued")) is not None:
        notes.append(f"issued at the source: {issued}")
    for name in ("method", "derivedFrom", "referenceRange"):
        each = observation.value(name)
        notes += [
            f"{name}: {words(one)}" for one in (each if isinstance(each, list) else [each]) if one is not None
        ]
    site = observation.object("bodySite")
    for text in notes:
        if len(text) > _LONGEST_NOTE:
            observation.refuse(
                "extension", f"says more than the {_LONGEST_NOTE} characters of a note.", "too-long"
            )
    kept = tuple(text for text in notes if text)
    return Circumstances(
        None if site is None else words(site.tree)[:256] or None, None, None, by_patient, kept
    )


def _identifiers(observation: Members) -> Iterator[tuple[str | None, str]]:
    for each in observation.objects("identifier"):
        value = each.text("value", required=True)
        if value is not None:
            yield each.text("system"), value
