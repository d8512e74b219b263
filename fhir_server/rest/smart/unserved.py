"""What nobody serves below `/oauth`, an address or a method: told to apps as OAuth has it, to people as a page.

https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

from typing import Final

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from fhir_server.json import dumps
from fhir_server.rest.smart.adapter import NOT_KEPT
from fhir_server.rest.smart.page import page

PREFIX: Final = "/oauth/"
_OF_APPS: Final = frozenset({f"{PREFIX}{name}" for name in ("token", "introspect", "revoke", "jwks")})


def unserved(request: Request, error: HTTPException) -> Response:
    """The answer, with the error's status and headers."""
    if error.status_code == 405:
        title, text = "This is not answered here", f"{request.method} is not answered at this address."
    else:
        title, text = "There is nothing here", "There is nothing at this address."
    if request.scope["path"] in _OF_APPS:
        body = {"error": "invalid_request", "error_description": text}
        return Response(dumps(body), error.status_code, NOT_KEPT, media_type="application/json")
    return page("error", error.status_code, title=title, text=text)
