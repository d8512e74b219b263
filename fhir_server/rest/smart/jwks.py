"""`/oauth/jwks`: the public keys that id_tokens are checked with.

https://www.rfc-editor.org/rfc/rfc7517#section-5
"""

from fastapi import APIRouter, Response

from fhir_server.json import dumps
from fhir_server.rest.smart.adapter import Desk
from fhir_server.rest.smart.described import KEYS, answers, unavailable
from smart_auth import discovery

KEEP_SECONDS = 300


def router(desk: Desk) -> APIRouter:
    """The address."""
    routes = APIRouter(tags=["oauth"])

    @routes.get(
        "/oauth/jwks",
        summary="The public keys of this server, as a JWK Set",
        responses=answers("The keys", KEYS) | unavailable(),
    )
    async def jwks() -> Response:
        body = dumps(discovery.jwks(await desk.signing_keys.keys()))
        lines = {"Cache-Control": f"max-age={KEEP_SECONDS}"}
        return Response(body, headers=lines, media_type="application/json")

    return routes
