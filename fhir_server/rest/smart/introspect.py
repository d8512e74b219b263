"""`/oauth/introspect`: what a token is worth.

https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
"""

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart.adapter import Desk, served


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/oauth/introspect")
    async def introspect(request: Request) -> Response:
        return await served(desk, request, desk.endpoints.introspect, trusts_bearer=True)

    return routes
