"""`/oauth/introspect`: what a token is worth.

https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
"""

from typing import Final

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart.adapter import Desk, served
from fhir_server.rest.smart.described import ADMINISTRATORS_TOO, WORTH, client_form, of_tokens

_TAKES: Final = client_form(
    "token", {"token": "The token that is asked about", "token_type_hint": "Which kind it is"}
)


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(tags=["oauth"])

    @routes.post(
        "/oauth/introspect",
        summary="What a token is worth, to whoever may know",
        responses=of_tokens("What it is worth", WORTH),
        openapi_extra=_TAKES | ADMINISTRATORS_TOO,
    )
    async def introspect(request: Request) -> Response:
        return await served(desk, request, desk.endpoints.introspect, trusts_bearer=True)

    return routes
