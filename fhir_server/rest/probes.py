"""Beside `/fhir`, what watches over the server asks: `/health`, `/ready`, `/metrics`.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from fhir_server.rest import metrics
from fhir_server.rest.api.guarded import administrators
from fhir_server.rest.call import Authenticator, unproved
from ingest.transports.confidential import from_this_machine
from smart_auth.errors import SmartAuthError


def router(ready: Callable[[], Awaitable[None]], authenticator: Authenticator) -> APIRouter:
    """The three addresses; `ready` returns when requests can be served and raises Unavailable when not."""
    routes = APIRouter(tags=["operator"])

    @routes.get("/health", summary="Whether the process is alive", response_class=Response)
    async def health() -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    @routes.get("/ready", summary="Whether the database answers and has this version's schema")
    async def readiness() -> Response:
        await ready()
        return Response(b'{"status":"ready"}', media_type="application/json")

    @routes.get(
        "/metrics", summary="Metrics in Prometheus' text format; from loopback, or for administrators"
    )
    async def measured(request: Request) -> Response:
        if not from_this_machine(request):
            await _check(authenticator, request.headers.get("authorization"))
        return Response(metrics.exposition(), media_type=metrics.MEDIA_TYPE)

    return routes


async def _check(authenticator: Authenticator, header: str | None) -> None:
    try:
        administrators(await authenticator.authenticate(header))
    except SmartAuthError as error:
        raise unproved(error) from error
