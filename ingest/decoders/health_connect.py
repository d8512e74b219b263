"""One Health Connect record, under the name of its type: `{"steps": [{…}]}`.

https://developer.android.com/health-and-fitness/guides/health-connect
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from ingest.decoders.health_connect_record import Envelope, chosen, envelope
from ingest.decoders.health_connect_sleep import minutes
from ingest.decoders.health_connect_types import (
    BODY_POSITIONS,
    GLUCOSE,
    HEART_RATE,
    MEALS,
    PRESSURE,
    PRESSURE_SITES,
    RECORD_TYPES,
    RELATIONS_TO_MEAL,
    SLEEP,
    SPECIMENS,
    TEMPERATURE,
    TEMPERATURE_SITES,
    Quantity,
)
from ingest.decoders.members import Members
from ingest.decoders.reading import Decoded, Series
from ingest.decoders.specimens import GLUCOSE_FIELDS
from ingest.issue import Issue
from ingest.ports import Device
from mappers.circumstances import Circumstances
from mappers.reading import FieldValue, Reading
from mappers.times import DeviceTime

MAX_SAMPLES: Final = 10_000
_MAX_ISSUES: Final = 20
_TOLERANCE: Final = Decimal("0.01")
_LARGEST: Final = 10**12


@dataclass(slots=True)
class _Measured:
    """What the values of a record say; `paths` where each field stood."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sample:
    time: DeviceTime
    rate: int | Decimal
    members: Members


def decode(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The reading that the record in `tree` is, or its samples as a Series; else every issue, each naming its member."""
    issues: list[Issue] = []
    name, record = _record(tree, issues)
    found = None if record is None or name is None else envelope(record, lasts=RECORD_TYPES[name].lasts)
    if found is None or name is None:
        return tuple(issues)
    samples = list(_samples(found, issues)) if name == HEART_RATE else []
    around = _circumstances(name, found)
    measured = _measured(name, found, around.specimen)
    found.values.close()
    if issues or found.start is None:
        return tuple(issues[:_MAX_ISSUES])
    reading = Reading(
        device=device.name,
        profile=device.profile,
        time=found.start,
        received=received,
        fields=measured.fields,
        units=measured.units,
        sequence=found.id,
        duration=found.duration,
        corrects=found.revised is not None,
        circumstances=replace(around, notes=(*around.notes, *found.notes)),
        revised=None if found.revised is None else found.revised.moment,
        paths=measured.paths | found.paths,
        of_record=name != HEART_RATE,
    )
    return reading if name != HEART_RATE else Series(tuple(_at(sample, reading) for sample in samples))


def _at(sample: _Sample, reading: Reading) -> Reading:
    here = {"heartRate": sample.members.at("beatsPerMinute"), "timestamp": sample.members.at("time")}
    fields: dict[str, FieldValue] = {"heartRate": sample.rate}
    return replace(
        reading, time=sample.time, duration=None, fields=fields, paths={**(reading.paths or {}), **here}
    )


def _record(tree: dict[str, object], issues: list[Issue]) -> tuple[str | None, Members | None]:
    """The type and the one record under it; None with an issue where it is not so."""
    if len(tree) != 1:
        issues.append(Issue("structure", "Send one record, under the name of its type."))
        return None, None
    ((sent, records),) = tree.items()
    name = sent[:1].lower() + sent[1:]
    record = records[0] if isinstance(records, list) and len(records) == 1 else records
    if name not in RECORD_TYPES:
        text = f"{sent[:60]!r} is no type of record that is taken. Known are {', '.join(RECORD_TYPES)}."
        issues.append(Issue("not-supported", text, sent[:60] or None))
        return None, None
    if not isinstance(record, dict):
        issues.append(Issue("structure", f"{name} holds what is no record. Send {{…}}.", name))
        return None, None
    return name, Members(record, "", issues)


def _measured(name: str, found: Envelope, specimen: str | None) -> _Measured:
    measured = _Measured()
    values = found.values
    if name == SLEEP:
        for stage, length in minutes(found).items():
            measured.fields[stage], measured.units[stage] = length, "min"
            measured.paths[stage] = values.at("stages")
    for quantity in RECORD_TYPES[name].quantities:
        field = GLUCOSE_FIELDS.get(specimen, quantity.field) if name == GLUCOSE else quantity.field
        measured.paths[field] = values.at(quantity.member)
        if (read := _quantity(values, quantity)) is not None:
            measured.fields[field], unit = read
            if unit is not None:
                measured.units[field] = unit
    return measured


def _quantity(values: Members, quantity: Quantity) -> tuple[int | Decimal, str | None] | None:
    """The number and its unit, None for that of the field; None with an issue where there is none."""
    sent = values.value(quantity.member, required=True)
    if sent is None:
        return None
    if quantity.plain and not isinstance(sent, dict):
        number = values.number(quantity.member)
        return None if number is None else (number, None)
    members = values.object(quantity.member)
    if members is None:
        return None
    said = {name: each for name in quantity.spellings if (each := members.number(name)) is not None}
    members.close()
    _check_agreement(values, quantity, said)
    for name, number in said.items():
        if (unit := quantity.spellings[name].unit) is not None:
            return number, unit
    readable = ", ".join(name for name, each in quantity.spellings.items() if each.unit)
    values.refuse(
        quantity.member, f"has no value that can be read. Send {readable or 'a number'}.", "required"
    )
    return None


def _check_agreement(values: Members, quantity: Quantity, said: dict[str, int | Decimal]) -> None:
    """The platform says one quantity in several units: where these disagree, nobody knows which is wrong."""
    scaled = [
        (name, (Decimal(number) - quantity.spellings[name].zero) / quantity.spellings[name].ratio)
        for name, number in said.items()
        if -_LARGEST < number < _LARGEST
    ]
    for name, number in scaled[1:]:
        first, reference = scaled[0]
        if abs(number - reference) > _TOLERANCE * abs(reference):
            text = f"says one thing {first} and another {name}. Send what is true."
            values.refuse(quantity.member, text, "invariant")
            return


def _circumstances(name: str, found: Envelope) -> Circumstances:
    values = found.values
    said = Circumstances(self_reported=found.self_reported)
    if name == PRESSURE:
        position = chosen(values, "bodyPosition", BODY_POSITIONS)
        site = chosen(values, "measurementLocation", PRESSURE_SITES)
        return replace(said, body_position=position, body_site=site)
    if name == TEMPERATURE:
        return replace(said, body_site=chosen(values, "measurementLocation", TEMPERATURE_SITES))
    if name == GLUCOSE:
        relation = chosen(values, "relationToMeal", RELATIONS_TO_MEAL)
        meal = chosen(values, "mealType", MEALS)
        labels = (("relation to meal", relation), ("meal", meal))
        notes = tuple(f"{label}: {each}" for label, each in labels if each is not None)
        return replace(said, specimen=_specimen(values), notes=notes)
    return said


def _specimen(values: Members) -> str | None:
    specimen = chosen(values, "specimenSource", SPECIMENS)
    if specimen not in GLUCOSE_FIELDS:
        text = f"is {specimen}: no code for glucose in it is confirmed. It is not stored."
        values.refuse("specimenSource", text, "not-supported")
    return specimen


def _samples(record: Envelope, issues: list[Issue]) -> Iterator[_Sample]:
    """The samples of a heart rate record; no more once there is more to say against them than will be said."""
    values, seen = record.values, set[int]()
    sent = values.value("samples", required=True)
    if isinstance(sent, list) and not 0 < len(sent) <= MAX_SAMPLES:
        values.refuse("samples", f"are {len(sent)}. Send 1 to {MAX_SAMPLES} in a record.", "too-long")
        return
    for members in values.objects("samples"):
        if len(issues) > _MAX_ISSUES:
            return
        time = members.time("time", required=True)
        rate = members.number("beatsPerMinute", required=True)
        members.close()
        if time is None or rate is None:
            continue
        if time.nanoseconds in seen:
            members.refuse("time", f"{time.text} is that of another sample, too.", "invariant")
        if not _within(time, record):
            members.refuse("time", f"{time.text} is not within the record.", "invariant")
        seen.add(time.nanoseconds)
        yield _Sample(time, rate, members)


def _within(time: DeviceTime, record: Envelope) -> bool:
    starts = record.start is None or record.start.moment <= time.moment
    return starts and (record.end is None or time.moment <= record.end.moment)
