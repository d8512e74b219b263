"""Which origins a browser may call from.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from fhir_server.errors import Issue
from fhir_server.json import dumps
from fhir_server.outcomes import operation_outcome
from fhir_server.rest.negotiation import FHIR_JSON

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TAKEN: Final = (
    "Accept", "Authorization", "Content-Encoding", "Content-Type", "If-Match", "If-Modified-Since",
    "If-None-Exist", "If-None-Match", "If-Range", "Prefer", "Range", "X-Request-Id", "X-Security-Context",
)  # fmt: skip
_EXPOSED: Final = (
    "Accept-Patch", "Accept-Ranges", "Content-Disposition", "Content-Location", "Content-Range", "ETag",
    "Last-Modified", "Location", "Retry-After", "X-Request-Id", "X-Security-Context",
)  # fmt: skip


class Cors(CORSMiddleware):
    """Starlette's, with the headers that FHIR uses and refusals as OperationOutcomes."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app, allow_origins=origins, allow_methods=_METHODS, allow_headers=_TAKEN, expose_headers=_EXPOSED
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """204 when the browser may go on, 400 with the reason when not."""
        answer = super().preflight_response(request_headers)
        lines = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        if answer.status_code < 400:
            return Response(status_code=204, headers=lines)
        issue = Issue("forbidden", f"{bytes(answer.body).decode()}. Ask the operator to allow it.")
        return Response(dumps(operation_outcome((issue,))), answer.status_code, lines, FHIR_JSON)
