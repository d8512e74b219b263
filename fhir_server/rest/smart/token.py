"""`/oauth/token`: tokens for a code, a refresh token, or a backend.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token
"""

from typing import Final

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart.adapter import Desk, served
from fhir_server.rest.smart.described import TOKENS, client_form, of_tokens

_TAKES: Final = client_form(
    "grant_type",
    {
        "grant_type": "`authorization_code`, `refresh_token` or `client_credentials`",
        "code": "The code that came back",
        "redirect_uri": "Where it came back",
        "code_verifier": "The verifier of PKCE",
        "refresh_token": "A refresh token",
        "scope": "Less than was granted; for a backend what it asks for",
    },
)


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(tags=["oauth"])

    @routes.post(
        "/oauth/token",
        summary="Tokens for a code, a refresh token, or a backend",
        responses=of_tokens("Tokens", TOKENS),
        openapi_extra=_TAKES,
    )
    async def token(request: Request) -> Response:
        return await served(desk, request, desk.endpoints.token)

    return routes
