"""A resource version as an answer: its text, ETag, Last-Modified and Location.

https://hl7.org/fhir/R4/http.html#versions
"""

from collections.abc import Container

from fhir_server.errors import Issue
from fhir_server.interactions.written import Written
from fhir_server.outcomes import operation_outcome
from fhir_server.rest.answer import About, Answer, text
from fhir_server.rest.asgi import HeaderLines
from fhir_server.rest.call import Call
from fhir_server.rest.etags import etag, http_date
from fhir_server.store.rows import Key, Version


def version_headers(version: Version) -> HeaderLines:
    """The ETag and Last-Modified lines of `version`."""
    return ((b"etag", etag(version.version)), (b"last-modified", http_date(version.last_updated)))


def about(version: Version) -> About:
    """The version as the audit records it."""
    return About(version.type, version.id, version.version, version.patient)


def written_answer(call: Call, written: Written, readable: Container[Key]) -> Answer:
    """The answer to a write: 201 with Location for what was made, else 200.

    With as much as the client prefers; of a resource that is not `readable`, nothing.
    """
    version = written.version
    headers = (*version_headers(version), (b"location", _location(call, version)))
    status = 201 if written.outcome == "created" else 200
    match call.preferences.returns:
        case "minimal":
            return Answer(status, b"", headers, about=about(version))
        case "representation":
            body = version.body if (version.type, version.id) in readable else None
            return Answer(status, body or b"", headers, about=about(version))
        case "OperationOutcome":
            told = _told(f"{version.type}/{version.id} was {written.outcome}.")
            return Answer(status, told, headers, about=about(version))


def deleted_answer(call: Call, version: Version | None) -> Answer:
    """The answer to a delete, the same whether something was there or not: 204, or 200 with an OperationOutcome."""
    headers = () if version is None else ((b"etag", etag(version.version)),)
    ended = None if version is None else about(version)
    if call.preferences.returns == "OperationOutcome":
        return Answer(200, _told(f"No {call.target.type} is left there."), headers, about=ended)
    return Answer(204, b"", headers, about=ended)


def _location(call: Call, version: Version) -> bytes:
    return f"{call.request.base}/{version.type}/{version.id}/_history/{version.version}".encode()


def _told(diagnostics: str) -> bytes:
    return text(operation_outcome((Issue("informational", diagnostics, None, "information"),)))
