"""`/oauth/revoke`: tokens ended by the client that has them.

https://www.rfc-editor.org/rfc/rfc7009
"""

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart.adapter import Desk, served


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/oauth/revoke")
    async def revoke(request: Request) -> Response:
        return await served(desk, request, desk.endpoints.revoke)

    return routes
