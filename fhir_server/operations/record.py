"""`$record` of a Patient: the whole record as one Bundle to keep, sent as it is read.

https://hl7.org/fhir/R4/bundle.html#collection

An operation of this server's own. What it holds is what `$everything` gives, each resource once. It is read a page at a
time, so that neither the server nor the database holds it whole; what is written meanwhile may be in it or not.
"""

from collections.abc import AsyncIterator
from itertools import groupby
from typing import Final

import orjson

from fhir_server.clock import instant
from fhir_server.interactions.read import read
from fhir_server.operations import patient_record
from fhir_server.operations.everything import RECORD_PARAMETERS, scoped
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.linked import linked
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.patient_record import START, Entry
from fhir_server.operations.record_scope import PATIENT, Scope
from fhir_server.operations.result import Result
from fhir_server.store.blobs.pointer import BINARY
from fhir_server.store.blobs.whole import filled, opened
from fhir_server.store.rows import Key

PAGE: Final = 500


async def serve(call: Invocation) -> Result:
    """The record as a file to download; raises NotFound or Gone for a Patient that is not there or not the caller's."""
    scope = scoped(call, call.arguments)
    await read(call.database, PATIENT, call.id, call.access)
    name = f'attachment; filename="Patient-{call.id}.json"'.encode()
    return Result(stream=_bundle(call, scope), headers=((b"content-disposition", name),))


async def _bundle(call: Invocation, scope: Scope) -> AsyncIterator[bytes]:
    """The Bundle's JSON, a page at a time, and each Binary with its content by itself."""
    yield orjson.dumps({"resourceType": "Bundle", "type": "collection", "timestamp": instant(call.now)})[:-1]
    before = b',"entry":['
    async for entries in _pages(call, scope):
        for large, group in groupby(entries, lambda entry: entry.type == BINARY):
            if large:
                for entry in group:
                    text, hole = opened(entry.body.encode())
                    yield before
                    async for part in await filled(call.database.blobs, _entry(call, entry, text), hole):
                        yield part
                    before = b","
            else:
                yield before + b",".join(_entry(call, entry, entry.body.encode()) for entry in group)
                before = b","
    yield b"}" if before != b"," else b"]}"


async def _pages(call: Invocation, scope: Scope) -> AsyncIterator[list[Entry]]:
    """The resources of the record with what they refer to, a page at a time, none of them empty."""
    place, seen = START, set[Key]()
    while True:
        async with call.database.connection() as connection:
            found = await patient_record.page(connection, call.id, scope, place, PAGE)
            referred = await linked(connection, scope, found, seen)
        if found:
            yield [*found, *referred]
        if len(found) < PAGE:
            return
        place = found[-1].place


def _entry(call: Invocation, entry: Entry, body: bytes) -> bytes:
    url = orjson.dumps(f"{call.base_url}/{entry.type}/{entry.id}")
    return b'{"fullUrl":%b,"resource":%b}' % (url, body)


RECORD: Final = Operation(
    id="Patient-record",
    code="record",
    title="Download a patient's record",
    description="The record that $everything gives, as one Bundle of type collection with each resource once, sent as a file "
    "while it is read. An answer that is cut short is not valid JSON.",
    levels={"instance": "read"},
    types=(PATIENT,),
    takes=RECORD_PARAMETERS,
    gives=(Parameter("return", "Bundle", 1, "1", "The record, a collection."),),
    affects_state=False,
    by_index=True,
    serve=serve,
)
