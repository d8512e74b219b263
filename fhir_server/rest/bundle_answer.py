"""The answer to a batch or transaction, put together from the answers to its entries.

https://hl7.org/fhir/R4/http.html#transaction-response
"""

from collections.abc import Container, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from fhir_server.clock import instant
from fhir_server.interactions.bundle.change import Ended, Outcome
from fhir_server.json import dumps
from fhir_server.outcomes import failure
from fhir_server.rest.answer import Answer, text
from fhir_server.rest.bundle_entries import Entry
from fhir_server.rest.call import Call
from fhir_server.rest.resource_answer import deleted_answer, written_answer
from fhir_server.store.rows import Key

_OUTCOME = b'{"resourceType":"OperationOutcome"'


def bundle(kind: Literal["batch-response", "transaction-response"], entries: Sequence[bytes]) -> Answer:
    """The Bundle that holds `entries`, which are in the order of the request's."""
    head = b'{"resourceType":"Bundle","type":"' + kind.encode() + b'"'
    tail = b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}"
    return Answer(200, head + tail)


def written_entry(entry: Entry, outcome: Outcome, readable: Container[Key]) -> bytes:
    """What came of a write, as the answer to the same request by itself would say it."""
    assert entry.call is not None, "a write was understood"
    if isinstance(outcome, Exception):
        return failed_entry(outcome)
    if isinstance(outcome, Ended):
        at = None if outcome.version is None else outcome.version.last_updated
        return answered_entry(entry.call, deleted_answer(entry.call, outcome.version), at)
    version = outcome.version
    url = f"{entry.call.request.base}/{version.type}/{version.id}"
    return answered_entry(
        entry.call, written_answer(entry.call, outcome, readable), version.last_updated, url
    )


def failed_entry(error: Exception) -> bytes:
    """The status and the OperationOutcome that tell of `error`."""
    failing = failure(error)
    return _entry(Answer(failing.status, text(failing.outcome), failing.headers), None, None)


def answered_entry(
    call: Call, answer: Answer, at: datetime | None = None, full_url: str | None = None
) -> bytes:
    """`answer` as an entry; `at` is when its resource was last updated, where that is known beyond the second."""
    if call.request.method == "HEAD":
        answer = Answer(answer.status, b"", answer.headers)
    return _entry(answer, at, full_url)


def _entry(answer: Answer, at: datetime | None, full_url: str | None) -> bytes:
    headers = dict(answer.headers)
    response = {"status": str(answer.status)}
    for name, header in (("location", b"location"), ("etag", b"etag")):
        if header in headers:
            response[name] = headers[header].decode()
    if at is None and b"last-modified" in headers:
        at = parsedate_to_datetime(headers[b"last-modified"].decode())
    if at is not None:
        response["lastModified"] = instant(at)
    told = dumps(response)
    if not answer.body:
        return b'{"response":' + told + b"}"
    if answer.body.startswith(_OUTCOME):
        return b'{"response":' + told[:-1] + b',"outcome":' + answer.body + b"}}"
    head = b"{" if full_url is None else b'{"fullUrl":' + dumps(full_url) + b","
    return head + b'"resource":' + answer.body + b',"response":' + told + b"}"
