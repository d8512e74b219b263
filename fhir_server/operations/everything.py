"""`$everything` of a Patient: their record with what it refers to, page by page.

https://hl7.org/fhir/R4/patient-operation-everything.html

Without `_count` a page is as long as this server makes one, so that most records are one Bundle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from fhir_server.clock import instant
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden, InvalidRequest
from fhir_server.interactions.read import read
from fhir_server.operations import patient_record
from fhir_server.operations.arguments import Arguments
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.linked import SHARED, linked
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.patient_record import START, Connection, Entry, Place
from fhir_server.operations.record_scope import PATIENT, Scope
from fhir_server.operations.result import Result
from fhir_server.search.access import caller
from fhir_server.search.bundle import url
from fhir_server.search.cursor import Cursor, seal, unseal
from fhir_server.search.order import Position
from fhir_server.search.params import date
from fhir_server.search.seal import Seal

MOST_PATIENTS: Final = (
    200  # looked at for one page; a page that is not full by then has a next link nevertheless
)

_CURSOR: Final = "_cursor"

_NEXT_PATIENT: Final = """
SELECT r.rid, r.id FROM resource r
 WHERE r.type = %s AND NOT r.deleted AND r.id > %s AND ({access}) ORDER BY r.id LIMIT 1"""


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where it goes on: in whose record, and where in that one."""

    patient: str
    place: Place = START


async def serve(call: Invocation) -> Result:
    """A searchset Bundle of the record, or at the type level of the records of all patients, one after the other.

    Raises NotFound or Gone for a Patient that is not there or not the caller's; InvalidRequest for a parameter that
    cannot be served.
    """
    asked, walk = _resumed(call)
    if call.level == "instance":
        await read(call.database, PATIENT, call.id, call.access)
    scope, count = scoped(call, asked), _count(call, asked)
    async with call.database.connection() as connection:
        entries, further = await _page(connection, call, scope, walk, count)
        included = await linked(connection, scope, entries, set())
    return Result(_bundle(call, entries, included, asked, further))


def scoped(call: Invocation, asked: Arguments) -> Scope:
    """What the arguments ask for of the types that are granted; raises InvalidRequest for what no record can hold."""
    named = [type for text in asked.texts("_type") for type in text.split(",")]
    for type in named:
        if type not in RESOURCE_TYPES:
            raise InvalidRequest(f"_type names {type[:60]!r}, which is no resource type of R4.", "_type")
    since = asked.text("_since")
    types = patient_record.about() | patient_record.roles().keys() | SHARED | {PATIENT}
    granted = {}
    for type in sorted(types & set(named) if named else types):
        try:
            granted[type] = call.granted(type, "read")
        except Forbidden:
            continue
    return Scope(granted, call.base_url, None if since is None else date.span(since).lo, _care(asked))


def _care(asked: Arguments) -> tuple[datetime, datetime] | None:
    start, end = asked.text("start"), asked.text("end")
    if start is None and end is None:
        return None
    lo = date.MIN if start is None else date.span(start).lo
    hi = date.MAX if end is None else date.span(end).hi
    if lo >= hi:
        raise InvalidRequest(f"start={start} is after end={end}. Exchange them.", "start")
    return lo, hi


def _count(call: Invocation, asked: Arguments) -> int:
    count, most = asked.whole("_count"), call.settings.max_count
    if count is not None and count < 1:
        raise InvalidRequest(f"_count is {count}. Send 1 or more.", "_count")
    return most if count is None else min(count, most)


def _resumed(call: Invocation) -> tuple[Arguments, _Walk]:
    """What was asked first, and where the page before ended."""
    text = call.arguments.text(_CURSOR)
    if text is None:
        return call.arguments, _Walk(call.id)
    if len(call.arguments.values) > 1:
        raise InvalidRequest(
            "A _cursor holds the whole request. Follow the next link as it was given.", _CURSOR
        )
    cursor = unseal(_seal(call), text)
    patient, part, type, moment = cursor.position.values
    values: dict[str, tuple[str | int, ...]] = {}
    for name, value in cursor.pairs:
        values[name] = (*values.get(name, ()), int(value) if name == "_count" else value)
    place = Place(int(part or 0), int(type or 0), moment, cursor.position.rid)
    return Arguments(values), _Walk(patient or "", place)


async def _page(
    connection: Connection, call: Invocation, scope: Scope, walk: _Walk, count: int
) -> tuple[Sequence[Entry], _Walk | None]:
    """The entries of a page, and where the next one goes on, None when there is none."""
    found: list[Entry] = []
    patient = walk.patient or await _next_patient(connection, call, "")
    place = walk.place
    for _ in range(MOST_PATIENTS):
        if patient is None:
            return found, None
        entries = await patient_record.page(connection, patient, scope, place, count + 1 - len(found))
        if len(found) + len(entries) > count:
            kept = entries[: count - len(found)]
            last = kept[-1].place if kept else place
            return [*found, *kept], _Walk(patient, last)
        found += entries
        patient = None if call.level == "instance" else await _next_patient(connection, call, patient)
        place = START
    return found, None if patient is None else _Walk(patient)


async def _next_patient(connection: Connection, call: Invocation, after: str) -> str | None:
    sql = _NEXT_PATIENT.format(access=call.access.sql)
    params = (RESOURCE_TYPES[PATIENT], after, *call.access.params)
    row = await (await connection.execute(sql, params)).fetchone()
    return None if row is None else row[1]


def _bundle(
    call: Invocation,
    entries: Sequence[Entry],
    included: Sequence[Entry],
    asked: Arguments,
    further: _Walk | None,
) -> bytes:
    here = "/".join(part for part in (call.type, call.id, "$everything") if part)
    pairs = [(name, str(value)) for name, values in call.arguments.values.items() for value in values]
    links = [{"relation": "self", "url": url(call.base_url, here, pairs)}]
    if further is not None:
        links.append({"relation": "next", "url": f"{call.here}?{_CURSOR}={_sealed(call, asked, further)}"})
    head = {"resourceType": "Bundle", "type": "searchset", "timestamp": instant(call.now), "link": links}
    parts = [_entry(call, one, b"match") for one in entries] + [
        _entry(call, one, b"include") for one in included
    ]
    text = orjson.dumps(head)
    return text if not parts else text[:-1] + b',"entry":[' + b",".join(parts) + b"]}"


def _entry(call: Invocation, entry: Entry, mode: bytes) -> bytes:
    full_url = orjson.dumps(f"{call.base_url}/{entry.type}/{entry.id}")
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (full_url, entry.body.encode(), mode)


def _sealed(call: Invocation, asked: Arguments, walk: _Walk) -> str:
    pairs = tuple((name, str(value)) for name, values in asked.values.items() for value in values)
    place = walk.place
    position = Position((walk.patient, str(place.part), str(place.type), place.date), place.rid)
    return seal(_seal(call), Cursor(pairs, call.now, position))


def _seal(call: Invocation) -> Seal:
    return Seal(call.cursor_key, caller(call.principal), f"{PATIENT}/{call.id}/$everything")


RECORD_PARAMETERS: Final = (
    Parameter("start", "date", 0, "1", "Care on this date or later; resources without a date are kept."),
    Parameter("end", "date", 0, "1", "Care on this date or before."),
    Parameter("_since", "instant", 0, "1", "Only what was changed at this instant or later."),
    Parameter(
        "_type", "code", 0, "*", "Resource types, separated by commas; all that are granted without it."
    ),
)

EVERYTHING: Final = Operation(
    id="Patient-everything",
    code="everything",
    title="Fetch a patient's record",
    description="The Patient, everything about them, what else is in their compartment but Groups, and the practitioners, "
    "organizations, locations, devices, medications and the like that these refer to. Nothing about another Patient, no "
    "matter how it is linked, and only types that the caller was granted. At the type level: of all patients that the "
    "caller may see, one record after the other.",
    levels={"instance": "read", "type": "search"},
    types=(PATIENT,),
    takes=(
        *RECORD_PARAMETERS,
        Parameter("_count", "integer", 0, "1", "The resources of a page, beside those that they refer to."),
        Parameter(_CURSOR, "string", 0, "1", "Where the page before ended, from a next link."),
    ),
    gives=(Parameter("return", "Bundle", 1, "1", "The record, a searchset."),),
    affects_state=False,
    by_index=True,
    serve=serve,
    base="http://hl7.org/fhir/OperationDefinition/Patient-everything",
)
