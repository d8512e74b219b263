"""`/oauth/revoke`: tokens ended by the client that has them.

https://www.rfc-editor.org/rfc/rfc7009
"""

from typing import Final

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart.adapter import Desk, served
from fhir_server.rest.smart.described import client_form, of_tokens

_TAKES: Final = client_form(
    "token", {"token": "The token that is to end", "token_type_hint": "Which kind it is"}
)


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(tags=["oauth"])

    @routes.post(
        "/oauth/revoke",
        summary="End a token of the client's own",
        responses=of_tokens("It does not hold, whether or not it did", {"type": "object"}),
        openapi_extra=_TAKES,
    )
    async def revoke(request: Request) -> Response:
        return await served(desk, request, desk.endpoints.revoke)

    return routes
