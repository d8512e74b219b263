"""Routes that let nobody in unasked: authenticate, permit, bound the body, and only then read what was sent.

https://fastapi.tiangolo.com/how-to/custom-request-and-route/
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from fhir_server.audit.port import Audit
from fhir_server.audit.record import Record
from fhir_server.errors import (
    AuthenticationFailed,
    Forbidden,
    InvalidRequest,
    Issue,
    RequestError,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from fhir_server.json import dumps, parse
from fhir_server.outcomes import failure
from fhir_server.rest.api.api_records import admission_record, api_record
from fhir_server.rest.asgi import Message, Receive
from fhir_server.rest.call import Authenticator, TooOften, unproved
from fhir_server.search.access import predicate
from smart_auth.errors import SmartAuthError
from smart_auth.principal import Principal

Permit: TypeAlias = Callable[[Principal], None]
Handler: TypeAlias = Callable[[Request], Coroutine[None, None, Response]]

MAX_BODY_BYTES: Final = 64_000
_SHOWN: Final = 60
_JSON: Final = "application/json"

# Any: a part of an OpenAPI document, an open tree of JSON
_OUTCOME: Final[dict[str, Any]] = {
    "application/fhir+json": {"schema": {"$ref": "#/components/schemas/OperationOutcome"}}
}
_WHY: Final = {
    400: "Something in the request cannot be read",
    401: "No valid token",
    403: "The token does not permit this",
    404: "There is none of that name or id",
    409: "It is there already, or another writer got in the way",
    410: "It was removed",
    413: "The body is too large",
    415: "The body's type is not taken",
    422: "It breaks a rule of this server",
    429: "Too many requests at once, or one that takes too long",
    503: "The database is away, or the search index is being rebuilt",
}


def administrators(principal: Principal) -> None:
    """Nothing; raises Forbidden for a caller who may not look after the server, which is everyone by default."""
    predicate(principal, None, "administer")


def everyone(principal: Principal) -> None:
    """Nothing: who is known may ask, and sees of each type what their scopes show."""


def guarded(authenticator: Authenticator, permit: Permit, *, noting: bool = False) -> type[APIRoute]:
    """The kind of route that lets in callers whom `authenticator` knows and `permit` does not refuse.

    What comes of a request is recorded before it is answered, but for changes whose routes are `noting` them themselves.
    """

    class Guarded(APIRoute):
        """A route behind both; what FastAPI refuses is told as a RequestError."""

        def get_route_handler(self) -> Handler:
            inner = cast("Handler", super().get_route_handler())
            known = frozenset(field.alias for field in self.dependant.query_params)

            async def let_in(request: Request) -> Response:
                try:
                    request.state.principal = await _principal(
                        authenticator, request.headers.get("authorization")
                    )
                except TooOften as error:
                    request.state.principal = error.principal
                    raise
                permit(principal(request))
                _refuse_unknown(request, known)
                if self.body_field is not None:
                    _refuse_other_types(request)
                return await _served(inner, request)

            async def handler(request: Request) -> Response:
                audit: Audit = request.app.state.audit
                try:
                    response = await let_in(request)
                except Unavailable:  # nothing was done, and nothing can be recorded
                    raise
                except RequestError as error:
                    await audit.keep([self._record(request, failure(error).status)])
                    raise
                except Exception:
                    with suppress(RequestError):
                        await audit.keep([self._record(request, 500)])
                    raise
                if not (noting and request.method != "GET" and response.status_code < 400):
                    await audit.keep([self._record(request, response.status_code)])
                return response

            return handler

        def _record(self, request: Request, status: int) -> Record:
            known = getattr(request.state, "principal", None)
            return api_record(request, self.path_format, known, status)

    return Guarded


def admission(
    authenticator: Authenticator, permit: Permit, audit: Audit, action: str
) -> Callable[[str | None], Awaitable[None]]:
    """What lets a caller in by their Authorization header, and raises AuthenticationFailed or Forbidden for others.

    That they were let in to do `action`, or not, is recorded first.
    """

    async def admitted(authorization: str | None) -> None:
        known = None
        try:
            known = await _principal(authenticator, authorization)
            permit(known)
        except (AuthenticationFailed, Forbidden) as error:
            await audit.keep([admission_record(action, known, failure(error).status)])
            raise
        await audit.keep([admission_record(action, known, 200)])

    return admitted


def principal(request: Request) -> Principal:
    """Who sent this guarded request."""
    return cast("Principal", request.state.principal)


def answer(tree: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`tree` as JSON with every digit of its numbers, which no cache keeps."""
    lines = {"Cache-Control": "no-store", **(headers or {})}
    return Response(dumps(tree), status, lines, media_type="application/json")


def described(*refusals: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the refusals of a guarded route: these, and those that any may answer."""
    every = sorted({400, 401, 403, 422, 429, 503, *refusals})
    return {status: {"description": _WHY[status], "content": _OUTCOME} for status in every}


async def _principal(authenticator: Authenticator, authorization: str | None) -> Principal:
    try:
        return await authenticator.authenticate(authorization)
    except SmartAuthError as error:
        raise unproved(error) from error


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    sent = [name for name, _ in request.query_params.multi_items()]
    for name in sent:
        if name not in known:
            takes = f"It takes {', '.join(sorted(known))}" if known else "It takes none"
            raise InvalidRequest(
                f"The parameter {name[:_SHOWN]!r} is not known here. {takes}.", name[:_SHOWN]
            )
        if sent.count(name) > 1:
            raise InvalidRequest(f"The parameter {name!r} is sent more than once. Send it once.", name)


def _refuse_other_types(request: Request) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != _JSON:
        raise UnsupportedMediaType(f"The body's type {sent[:_SHOWN]!r} is not taken. Send {_JSON}.")


class _Strict(Request):
    """A request whose body is read as every other body here: two members of one name are an error."""

    async def json(self) -> object:
        """The JSON object in the body; raises InvalidJson."""
        return parse(await self.body())


async def _served(inner: Handler, request: Request) -> Response:
    bounded = _Strict(request.scope, _bounded(request.receive))
    try:
        return await inner(bounded)
    except RequestValidationError as error:
        raise InvalidRequest("", issues=tuple(_issues(error.errors()))) from error
    except HTTPException as error:
        if isinstance(error.__cause__, RequestError):
            raise error.__cause__ from None
        raise InvalidRequest(f"{error.detail}. Send one JSON object in UTF-8.") from error


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise TooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes. Send less.")
        return message

    return bounded


# Any: what pydantic tells of an error
def _issues(errors: Iterable[Mapping[str, Any]]) -> Iterable[Issue]:
    """Each error as an issue that names the member or parameter, and its value where that is short enough to show."""
    for error in errors:
        where = ".".join(str(step) for step in error["loc"] if step not in ("body", "query", "path"))
        value = error.get("input")
        shown = f"={str(value)[:_SHOWN]}" if isinstance(value, str | int | float) else ""
        said = str(error["msg"]).rstrip(".")
        yield Issue("invalid", f"{where or 'The body'}{shown}: {said}. Correct it.", where or None)
