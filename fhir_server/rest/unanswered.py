"""What FastAPI itself refuses, an address or a method that nobody serves, as an OperationOutcome; below `/oauth` as is fit there.

https://www.starlette.io/exceptions/
"""

from collections.abc import Iterator
from typing import Final

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from fhir_server.errors import Issue
from fhir_server.json import dumps
from fhir_server.outcomes import operation_outcome
from fhir_server.rest.smart.unserved import PREFIX, unserved

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


async def unanswered(request: Request, error: Exception) -> Response:
    """What tells of `error`, with its status and headers."""
    assert isinstance(error, HTTPException)
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else error.headers
    if request.scope["path"].startswith(PREFIX):
        answer = unserved(request, error)
        answer.headers.update(headers or {})
        return answer
    if error.status_code == 405:
        issue = Issue("not-supported", f"{request.method} is not answered here. See the header Allow.")
    else:
        issue = Issue("not-found", "There is nothing at this address. /openapi.json lists all addresses.")
    body = dumps(operation_outcome((issue,)))
    return Response(body, error.status_code, headers, media_type="application/fhir+json")


def _allowed(request: Request) -> Iterator[str]:
    """The methods that are served at the address, by whichever routes; HEAD is served by GET."""
    for method in _METHODS:
        asked = {**request.scope, "method": "GET" if method == "HEAD" else method}
        if any(route.matches(asked)[0] is Match.FULL for route in request.app.routes):
            yield method
