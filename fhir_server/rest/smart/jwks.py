"""`/oauth/jwks`: the public keys that id_tokens are checked with.

https://www.rfc-editor.org/rfc/rfc7517#section-5
"""

from fastapi import APIRouter, Response

from fhir_server.json import dumps
from fhir_server.rest.smart.adapter import Desk
from smart_auth import discovery

KEEP_SECONDS = 300


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/oauth/jwks")
    async def jwks() -> Response:
        body = dumps(discovery.jwks(await desk.signing_keys.keys()))
        lines = {"Cache-Control": f"max-age={KEEP_SECONDS}"}
        return Response(body, headers=lines, media_type="application/json")

    return routes
