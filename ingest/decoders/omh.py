"""One Open mHealth data point: a header that says what it is and where it comes from, and a body that measures.

https://www.openmhealth.org/documentation/#/schema-docs/schema-library/schemas/omh_data-point
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.decoders.members import Members
from ingest.decoders.omh_schemas import (
    OTHER_SPECIMENS,
    OTHER_STATISTICS,
    SCHEMAS,
    STATISTICS,
    Schema,
)
from ingest.decoders.omh_time import TimeFrame, time_frame
from ingest.decoders.reading import Decoded
from ingest.decoders.specimens import GLUCOSE_FIELDS
from ingest.issue import Issue
from ingest.ports import Device
from mappers.circumstances import Circumstances
from mappers.reading import FieldValue, Reading, SummaryStatistic
from mappers.times import DeviceTime


@dataclass(frozen=True, slots=True)
class _Header:
    id: str | None
    created: DeviceTime | None
    schema: Schema | None
    revised: DeviceTime | None
    self_reported: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Body:
    fields: dict[str, FieldValue]
    units: dict[str, str]
    paths: dict[str, str]
    time: TimeFrame | None
    statistic: SummaryStatistic | None
    circumstances: Circumstances


def decode(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The reading that the data point in `tree` is, sent by `device`, or every issue it has, each naming its member."""
    issues: list[Issue] = []
    point = Members(tree, "", issues)
    header = _header(point.object("header", required=True))
    members = point.object("body", required=True)
    point.close()
    if header is None or header.schema is None or members is None:
        return tuple(issues)
    body = _body(members, header.schema)
    time = body.time or (TimeFrame(header.created) if header.created else None)
    stated = {} if body.time else {"timestamp": "header.creation_date_time"}
    if issues or time is None:
        return tuple(issues)
    return Reading(
        device=device.name,
        profile=device.profile,
        time=time.start,
        received=received,
        fields=body.fields,
        units=body.units,
        sequence=header.id,
        duration=time.duration,
        corrects=header.revised is not None,
        statistic=body.statistic,
        circumstances=_circumstances(header, body),
        revised=None if header.revised is None else header.revised.moment,
        paths=body.paths | stated,
        of_record=True,
    )


def _header(members: Members | None) -> _Header | None:
    if members is None:
        return None
    notes: list[str] = []
    id = members.text("id", required=True, longest=64)
    created = members.time("creation_date_time", required=True)
    name, schema = _schema(members.object("schema_id", required=True))
    if name is not None:
        notes.append(name)
    source = members.object("acquisition_provenance")
    modality, revised = None, None
    if source is not None:
        modality, revised = _provenance(source, notes)
    if created is not None:
        notes.append(f"created: {created.text}")
    if user := members.text("user_id"):
        notes.append(f"user of the source: {user}")
    members.close()
    return _Header(id, created, schema, revised, modality == "self-reported", tuple(notes))


def _schema(members: Members | None) -> tuple[str | None, Schema | None]:
    """How a note calls the schema, and the schema itself; None with an issue for one that is not taken."""
    if members is None:
        return None, None
    members.choice("namespace", ("omh",), required=True)
    name, version = members.text("name", required=True), members.text("version", required=True)
    members.close()
    if name is None or version is None:
        return None, None
    versions = [each for known, each in SCHEMAS if known == name]
    if not versions:
        known = ", ".join(dict.fromkeys(each for each, _ in SCHEMAS))
        members.refuse("name", f"is {name[:60]!r}. Only {known} are taken.", "not-supported")
    elif version not in versions:
        members.refuse(
            "version", f"is {version[:20]!r}. {name} is taken in {', '.join(versions)}.", "not-supported"
        )
    return f"Open mHealth {name} {version}", SCHEMAS.get((name, version))


def _provenance(source: Members, notes: list[str]) -> tuple[str | None, DeviceTime | None]:
    """The modality, and when the source last changed the data point."""
    if name := source.text("source_name", required=True):
        notes.append(f"source: {name}")
    if id := source.text("source_data_point_id"):
        notes.append(f"id at the source: {id}")
    if created := source.time("source_creation_date_time"):
        notes.append(f"created at the source: {created.text}")
    revised = source.time("source_last_modification_date_time")
    modality = source.choice("modality", ("sensed", "self-reported"))
    if modality is not None:
        notes.append(f"modality: {modality}")
    source.close()
    return modality, revised


def _body(members: Members, schema: Schema) -> _Body:
    fields: dict[str, FieldValue] = {}
    units: dict[str, str] = {}
    paths = {"timestamp": members.at("effective_time_frame"), "revised": _REVISED, "sequence": "header.id"}
    circumstances = _contexts(members, schema)
    for member, measure in schema.measures.items():
        value = members.object(member, required=True)
        if value is None:
            continue
        number = value.number("value", required=True)
        unit = value.choice("unit", measure.units, required=True)
        value.close()
        field = _field(measure.field, circumstances.specimen)
        paths[field] = members.at(member)
        if number is not None and unit is not None:
            fields[field], units[field] = number, measure.units[unit]
    frame = members.object("effective_time_frame", required=schema.time_required)
    time = None if frame is None else time_frame(frame, part_of_day=schema.part_of_day)
    statistic = _statistic(members)
    members.close()
    return _Body(fields, units, paths, time, statistic, circumstances)


_REVISED = "header.acquisition_provenance.source_last_modification_date_time"


def _contexts(members: Members, schema: Schema) -> Circumstances:
    said = Circumstances()
    for member, context in schema.contexts.items():
        chosen = members.choice(member, context.choices)
        if chosen is None:
            continue
        match context.place:
            case "body_site":
                said = replace(said, body_site=chosen)
            case "body_position":
                said = replace(said, body_position=chosen)
            case "specimen":
                said = replace(said, specimen=chosen)
                if chosen in OTHER_SPECIMENS:
                    text = f"is {chosen!r}: no code for glucose in it is confirmed. It is not stored."
                    members.refuse(member, text, "not-supported")
            case "note":
                said = replace(said, notes=(*said.notes, f"{context.label}: {chosen}"))
    if schema.user_notes and (notes := members.prose("user_notes")):
        said = replace(said, notes=(*said.notes, notes))
    return said


def _field(field: str, specimen: str | None) -> str:
    return GLUCOSE_FIELDS.get(specimen, field) if field == GLUCOSE_FIELDS[None] else field


def _statistic(members: Members) -> SummaryStatistic | None:
    name = members.choice("descriptive_statistic", (*STATISTICS, *OTHER_STATISTICS))
    if name is None:
        return None
    if name in OTHER_STATISTICS:
        text = f"is {name!r}: only {', '.join(STATISTICS)} are stored. Send one of them."
        members.refuse("descriptive_statistic", text, "not-supported")
    return STATISTICS.get(name)


def _circumstances(header: _Header, body: _Body) -> Circumstances:
    return replace(
        body.circumstances,
        self_reported=header.self_reported,
        notes=tuple(_notes(header, body)),
    )


def _notes(header: _Header, body: _Body) -> Iterator[str]:
    yield from header.notes
    if body.time is None:
        yield "the time of measurement was not stated; it is that at which the data point was created"
    elif body.time.note is not None:
        yield body.time.note
    yield from body.circumstances.notes
