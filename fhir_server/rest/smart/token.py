"""`/oauth/token`: tokens for a code, a refresh token, or a backend.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token
"""

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart.adapter import Desk, served


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/oauth/token")
    async def token(request: Request) -> Response:
        return await served(desk, request, desk.endpoints.token)

    return routes
