"""Batch and transaction over HTTP.

https://hl7.org/fhir/R4/http.html#transaction
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from fhir_server.errors import InvalidRequest, RequestError, TooLarge
from fhir_server.interactions.bundle.batch import batch as write_each
from fhir_server.interactions.bundle.change import Outcome, placed
from fhir_server.interactions.bundle.failures import MOST_ISSUES
from fhir_server.interactions.bundle.transaction import transaction as write_all
from fhir_server.interactions.written import Written
from fhir_server.json import JsonObject, parse
from fhir_server.rest.answer import Answer
from fhir_server.rest.bundle_answer import answered_entry, bundle, failed_entry, written_entry
from fhir_server.rest.bundle_entries import Entry, entries
from fhir_server.rest.bundle_records import record_error, record_failed, record_read, record_writes
from fhir_server.rest.call import Call
from fhir_server.rest.demands import transactions
from fhir_server.rest.told import readable
from fhir_server.search.access import access
from fhir_server.store.blobs.aside import IN_ROW
from fhir_server.store.inside import Inside
from fhir_server.store.unit_of_work import UnitOfWork

READS_AT_ONCE: Final = 4


async def take(call: Call) -> Answer:
    """The Bundle of the answers to the entries of a batch or transaction.

    Raises InvalidRequest for another Bundle, TooLarge for one with too many entries, and the error of a transaction's
    first failing entry, with the issues of the others.
    """
    tree = parse(call.body)
    kind = _kind(tree)
    _refuse_too_many(tree, call.house.settings.max_bundle_entries)
    found = entries(call, tree)
    call.trail.action = kind
    if kind == "batch":
        return await _batch(call, found)
    try:
        return await _transaction(call, found)
    except RequestError as error:
        record_failed(call, found, error)
        raise


async def _transaction(call: Call, found: Sequence[Entry]) -> Answer:
    _refuse_failed(found)
    answers = dict[int, bytes]()

    async def read_all(work: UnitOfWork) -> None:
        call.trail.further.clear()  # of an attempt before
        house = replace(call.house, database=Inside(work, call.house.database.blobs))
        for entry in found:
            if entry.change is None:
                answer = await _read_or_raise(entry, replace(_call(entry), house=house))
                answers[entry.number] = _told(entry, answer)

    changes = [entry.change for entry in found if entry.change is not None]
    outcomes = await write_all(
        call.house.database, transactions(call), changes, access(call.principal), call.request.base, read_all
    )
    answers |= await _written(call, found, outcomes)
    return bundle("transaction-response", [answers[entry.number] for entry in found])


async def _batch(call: Call, found: Sequence[Entry]) -> Answer:
    changes = [entry.change for entry in found if entry.change is not None]
    outcomes = await write_each(
        call.house.database, transactions(call), changes, access(call.principal), call.request.base
    )
    for outcome in outcomes.values():
        if isinstance(outcome, Exception) and not isinstance(outcome, RequestError):
            structlog.get_logger().error("unexpected", exc_info=outcome)
    answers = await _written(call, found, outcomes)
    reads = [entry for entry in found if entry.change is None]
    answers |= zip([entry.number for entry in reads], await _read_each(call, reads), strict=True)
    return bundle("batch-response", [answers[entry.number] for entry in found])


async def _written(call: Call, found: Sequence[Entry], outcomes: Mapping[int, Outcome]) -> dict[int, bytes]:
    told = await readable(call, [one.version for one in outcomes.values() if isinstance(one, Written)])
    record_writes(call, found, outcomes)
    return {number: written_entry(found[number], outcome, told) for number, outcome in outcomes.items()}


async def _read_each(call: Call, reads: Sequence[Entry]) -> list[bytes]:
    """The answers to what changes nothing, a few at a time; one that fails says so itself."""
    few = asyncio.Semaphore(READS_AT_ONCE)

    async def read(entry: Entry) -> bytes:
        if entry.error is not None:
            record_error(call, entry, entry.error)
            return failed_entry(entry.error)
        async with few:
            try:
                return _told(entry, await _read_or_raise(entry, _call(entry)))
            except RequestError as error:
                record_error(call, entry, error)
                return failed_entry(error)

    return await asyncio.gather(*map(read, reads))


async def _read_or_raise(entry: Entry, call: Call) -> Answer:
    try:
        answer = await call.target.interaction.serve(call)
    except RequestError as error:
        raise placed(error, entry.number, entry.label) from error
    if answer.length > IN_ROW:
        raise placed(_beyond(answer), entry.number, entry.label)
    if answer.stream is not None:
        whole = b"".join([part async for part in answer.stream])
        answer = Answer(answer.status, whole, answer.headers, about=answer.about)
    return answer


def _told(entry: Entry, answer: Answer) -> bytes:
    call = _call(entry)
    record_read(call, answer)
    return answered_entry(call, answer)


def _beyond(answer: Answer) -> TooLarge:
    return TooLarge(
        f"The content has {answer.length} bytes; in a Bundle at most {IN_ROW} are answered. Read the Binary by itself."
    )


def _call(entry: Entry) -> Call:
    assert entry.call is not None, "an entry is an error or was understood"
    return entry.call


def _kind(tree: JsonObject) -> str:
    if tree.get("resourceType") != "Bundle":
        raise InvalidRequest(
            f"A {tree.get('resourceType')} was sent here. Send a Bundle, or POST to the address of its type.",
            "resourceType",
        )
    kind = tree.get("type")
    if kind not in ("batch", "transaction"):
        raise InvalidRequest(
            f"A Bundle of type {kind!r} was sent here. Send a batch or transaction, or POST to Bundle to keep it.",
            "Bundle.type",
        )
    return str(kind)


def _refuse_too_many(tree: JsonObject, most: int) -> None:
    found = tree.get("entry")
    if isinstance(found, list) and len(found) > most:
        raise TooLarge(
            f"The Bundle has {len(found)} entries and may have {most}. Send it in parts, or ask the operator to raise "
            "the limit.",
            "Bundle.entry",
        )


def _refuse_failed(found: Sequence[Entry]) -> None:
    errors = [entry.error for entry in found if entry.error is not None]
    if errors:
        errors[0].issues = tuple(issue for error in errors for issue in error.issues)[:MOST_ISSUES]
        raise errors[0]
