"""The one table from errors to an HTTP status and an OperationOutcome.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fhir_server import errors
from fhir_server.errors import Issue, RequestError
from fhir_server.json import JsonObject

STATUS: Final[dict[type[RequestError], int]] = {
    errors.InvalidRequest: 400,
    errors.InvalidResource: 400,
    errors.AuthenticationFailed: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.BodyTimeout: 408,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Expired: 410,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UriTooLong: 414,
    errors.UnsupportedMediaType: 415,
    errors.RangeNotSatisfiable: 416,
    errors.Unprocessable: 422,
    errors.TooCostly: 429,
    errors.Unavailable: 503,
    errors.InsufficientStorage: 507,
}

UNEXPECTED: Final = Issue(
    "exception",
    "The server failed at this request. Give the operator the X-Request-Id of this answer.",
    None,
    "fatal",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as HTTP says it: the status, the OperationOutcome and the header lines that go with it."""

    status: int
    outcome: JsonObject
    headers: tuple[tuple[bytes, bytes], ...] = ()


def failure(error: Exception) -> Failure:
    """What the client is told of `error`; one that is not a RequestError becomes a 500 that tells nothing."""
    if not isinstance(error, RequestError):
        return Failure(500, operation_outcome((UNEXPECTED,)))
    return Failure(_status(type(error)), operation_outcome(error.issues), _headers(error))


def operation_outcome(issues: Iterable[Issue]) -> JsonObject:
    """An OperationOutcome that carries `issues` in their order."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _status(kind: type[RequestError]) -> int:
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), 400)


def _headers(error: RequestError) -> tuple[tuple[bytes, bytes], ...]:
    match error:
        case errors.TokenRejected():
            return ((b"www-authenticate", b'Bearer realm="fhir", error="invalid_token"'),)
        case errors.AuthenticationFailed():
            return ((b"www-authenticate", b'Bearer realm="fhir"'),)
        case errors.ScopeMissing(scope=scope):
            challenge = f'Bearer realm="fhir", error="insufficient_scope", scope="{scope}"'
            return ((b"www-authenticate", challenge.encode()),)
        case errors.Forbidden():
            return ((b"www-authenticate", b'Bearer realm="fhir", error="insufficient_scope"'),)
        case errors.MethodNotAllowed(allowed=allowed):
            return ((b"allow", ", ".join(allowed).encode()),)
        case errors.TooCostly(retry_after=seconds) | errors.Unavailable(retry_after=seconds):
            return ((b"retry-after", str(seconds).encode()),)
        case errors.UnsupportedMediaType(patches=(_, *_) as formats):
            return ((b"accept-patch", ", ".join(formats).encode()),)
        case errors.BodyTimeout():
            return ((b"connection", b"close"),)
        case errors.RangeNotSatisfiable(size=size):
            return ((b"content-range", b"bytes */%d" % size),)
        case errors.Gone(version=int(version)):
            return ((b"etag", b'W/"%d"' % version),)
        case _:
            return ()


def _issue(issue: Issue) -> JsonObject:
    tree: JsonObject = {
        "severity": issue.severity,
        "code": issue.code,
        "diagnostics": issue.diagnostics,
    }
    if issue.expression:
        tree["expression"] = [issue.expression]
    return tree
