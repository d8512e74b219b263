"""What can go wrong, as one tree; `outcomes.py` turns each into a status and an OperationOutcome.

https://hl7.org/fhir/R4/valueset-issue-type.html

    FhirServerError
    ├── OperatorError                  a command cannot run: text for the person at the console
    └── RequestError                   an answer to a client: one issue or several
        ├── InvalidRequest             400
        │   ├── InvalidJson
        │   └── InvalidSearch
        │       └── UnknownParameter
        ├── InvalidResource            400 or 422, carries every issue found
        ├── AuthenticationFailed       401
        │   └── TokenRejected
        ├── Forbidden                  403
        │   └── ScopeMissing           names a scope that would do
        ├── NotFound                   404
        ├── Gone                       410
        ├── Expired                    410: the next page of a search was asked for too late
        ├── MethodNotAllowed           405
        ├── NotAcceptable              406
        ├── BodyTimeout                408
        ├── Conflict                   409
        ├── PreconditionFailed         412
        ├── TooLarge                   413
        ├── UriTooLong                 414
        ├── UnsupportedMediaType       415
        ├── RangeNotSatisfiable        416
        ├── Unprocessable              422
        ├── TooCostly                  429: the client may try again later, or ask for less
        └── Unavailable                503: the database is away
            └── InsufficientStorage    507: there is no room for what was sent
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

Severity = Literal["fatal", "error", "warning", "information"]


class FhirServerError(Exception):
    """Any failure this project raises on purpose."""


class OperatorError(FhirServerError):
    """A command or the server cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One `OperationOutcome.issue`.

    `code` is from http://hl7.org/fhir/issue-type; `expression` is FHIRPath (`Observation.code`) or, for a search,
    the parameter's name; it is None where no element is to blame.
    """

    code: str
    diagnostics: str
    expression: str | None = None
    severity: Severity = "error"


class RequestError(FhirServerError):
    """A request that is answered with an OperationOutcome: a diagnostics text and, where one is to blame, its element."""

    code: ClassVar[str] = "processing"

    def __init__(
        self, diagnostics: str, expression: str | None = None, *, issues: tuple[Issue, ...] = ()
    ) -> None:
        super().__init__(diagnostics)
        self.issues = issues or (Issue(self.code, diagnostics, expression),)


class InvalidRequest(RequestError):
    """The request is malformed."""

    code = "invalid"


class InvalidJson(InvalidRequest):
    """The body is not JSON that can be stored faithfully."""

    code = "structure"


class InvalidSearch(InvalidRequest):
    """A search parameter, modifier, prefix or value cannot be served."""


class UnknownParameter(InvalidSearch):
    """There is no such search parameter here: the one thing that a lenient search passes over."""


class InvalidResource(RequestError):
    """A resource breaks the rules of its R4 definition."""

    code = "invariant"


class AuthenticationFailed(RequestError):
    """The caller did not prove who they are."""

    code = "login"


class TokenRejected(AuthenticationFailed):
    """The caller sent a token that does not hold, or holds no longer."""


class Forbidden(RequestError):
    """The caller may not do this."""

    code = "forbidden"


class ScopeMissing(Forbidden):
    """The caller's token lacks a scope; with `scope`, among others, they might."""

    def __init__(self, diagnostics: str, scope: str) -> None:
        super().__init__(diagnostics)
        self.scope = scope


class NotFound(RequestError):
    """There is no such resource, version or type, or it is not the caller's to see."""

    code = "not-found"


class Gone(RequestError):
    """The resource was deleted; `version` is the number of its deletion, where known."""

    code = "deleted"

    def __init__(self, diagnostics: str, *, version: int | None = None) -> None:
        super().__init__(diagnostics)
        self.version = version


class Expired(RequestError):
    """What was kept for the client for a while is there no more."""

    code = "not-found"


class MethodNotAllowed(RequestError):
    """This address does not take this method."""

    code = "not-supported"

    def __init__(self, diagnostics: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(diagnostics)
        self.allowed = allowed


class NotAcceptable(RequestError):
    """None of the formats that the client accepts is served."""

    code = "not-supported"


class BodyTimeout(RequestError):
    """The body of the request did not come in time; the rest of it is not waited for."""

    code = "timeout"


class Conflict(RequestError):
    """Another writer got in the way, or the identity is ambiguous."""

    code = "conflict"


class PreconditionFailed(RequestError):
    """If-Match does not name the current version, or a condition matches several resources."""

    code = "conflict"


class TooLarge(RequestError):
    """The body is larger than this server takes."""

    code = "too-long"


class UriTooLong(RequestError):
    """The address is longer than this server reads."""

    code = "too-long"


class UnsupportedMediaType(RequestError):
    """The body's format is not taken; `patches` are the formats of patches that are, where a patch was sent."""

    code = "not-supported"

    def __init__(self, diagnostics: str, *, patches: tuple[str, ...] = ()) -> None:
        super().__init__(diagnostics)
        self.patches = patches


class RangeNotSatisfiable(RequestError):
    """The bytes that are asked for begin behind the end of the content, which is `size` bytes long."""

    code = "value"

    def __init__(self, diagnostics: str, *, size: int) -> None:
        super().__init__(diagnostics)
        self.size = size


class Unprocessable(RequestError):
    """The resource is well formed and breaks a rule of this server."""

    code = "business-rule"


class TooCostly(RequestError):
    """The request is beyond a limit now."""

    code = "throttled"

    def __init__(
        self,
        diagnostics: str,
        *,
        retry_after: int = 1,
        code: str = "throttled",
        expression: str | None = None,
    ) -> None:
        super().__init__(diagnostics, issues=(Issue(code, diagnostics, expression),))
        self.retry_after = retry_after


class Unavailable(RequestError):
    """The database cannot be reached."""

    code = "transient"

    def __init__(self, diagnostics: str, *, retry_after: int = 5) -> None:
        super().__init__(diagnostics)
        self.retry_after = retry_after


class InsufficientStorage(Unavailable):
    """The disk of the server is full, of its database or of its contents."""

    code = "no-store"

    def __init__(
        self,
        diagnostics: str = "The server has no room left for it. Tell its operator, and send it again later.",
    ) -> None:
        super().__init__(diagnostics, retry_after=600)
