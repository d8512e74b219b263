"""What apps read before anything else: `/.well-known/…` below `/fhir` and below the issuer.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from fastapi import APIRouter, Request, Response

from fhir_server.json import dumps
from fhir_server.rest.smart.adapter import Desk
from fhir_server.rest.smart.app_style import PATH as STYLE
from fhir_server.rest.smart.browser import here
from fhir_server.rest.smart.described import METADATA, answers
from smart_auth import discovery
from smart_auth.addresses import Addresses

SMART_CONFIGURATION: Final = "/fhir/.well-known/smart-configuration"
PUBLIC: Final = frozenset(
    {
        SMART_CONFIGURATION,
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/oauth/jwks",
        "/fhir/metadata",
        STYLE,
    }
)
"""What any page may read that any browser shows."""

_SAID: Final = answers("The addresses of this server and what it supports", METADATA)

_Document: TypeAlias = Callable[[Addresses], dict[str, object]]


def router(desk: Desk) -> APIRouter:
    """The addresses; JSON is all they have, whatever is asked for."""
    routes = APIRouter(tags=["oauth"])

    def answer(request: Request, document: _Document) -> Response:
        return Response(dumps(document(here(request, desk.settings.base_url))), media_type="application/json")

    @routes.get(SMART_CONFIGURATION, summary="For SMART apps: where everything is", responses=_SAID)
    async def smart_configuration(request: Request) -> Response:
        return answer(request, discovery.smart_configuration)

    @routes.get(
        "/.well-known/oauth-authorization-server",
        summary="The same for OAuth clients",
        responses=_SAID,
    )
    async def authorization_server(request: Request) -> Response:
        return answer(request, discovery.authorization_server)

    @routes.get(
        "/.well-known/openid-configuration",
        summary="The same for OpenID Connect clients",
        responses=_SAID,
    )
    async def openid_configuration(request: Request) -> Response:
        return answer(request, discovery.openid_configuration)

    return routes
