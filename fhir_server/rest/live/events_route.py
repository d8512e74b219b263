"""`GET /live/patients/{id}`: the live view as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html; docs/live.md
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from fhir_server.rest.api.api_records import api_record
from fhir_server.rest.api.guarded import described, everyone, guarded, principal
from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.call import House
from fhir_server.rest.live import told
from fhir_server.rest.live.hub import Hub
from fhir_server.rest.live.watching import Wanted, check_patient, watched
from fhir_server.rest.request import request as taken_apart
from fhir_server.rest.streams.sse import MEDIA_TYPE, send_events

_PATH: Final = "/live/patients/{id}"
# Any: a part of an OpenAPI document, an open tree of JSON
_DOCUMENTED: Final[dict[str, Any]] = {"security": [{"bearer": []}]}


def router(house: House, hub: Hub) -> APIRouter:
    """The address at which apps watch a patient."""
    routes = APIRouter(
        tags=["live view"],
        route_class=guarded(house.authenticator, everyone),
        responses=described(404, 410),
        default_response_class=Response,
    )

    @routes.get(
        _PATH,
        openapi_extra=_DOCUMENTED,
        summary="What is measured of a patient, and whether their devices are heard of, as it happens",
        responses={
            200: {"description": "Events, for as long as the token holds", "content": {MEDIA_TYPE: {}}}
        },
    )
    async def live(
        id: str, request: Request, last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        who = principal(request)
        caller = house.streams.callers.known(who, request.headers.get("authorization"))
        house.streams.refuse_more(caller)
        await check_patient(house, who, id)
        base = taken_apart(request.scope, house.settings.base_url).base
        record = api_record(request, _PATH, who, 200)
        return _Events(house, hub, Wanted(id, base, last_event_id, caller, record))

    return routes


class _Events(Response):
    """The events, until the stream ends."""

    def __init__(self, house: House, hub: Hub, wanted: Wanted) -> None:
        self.status_code = 200
        self.background = None
        self._house = house
        self._hub = hub
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends them; raises TooCostly, Unavailable before the first."""
        async with watched(self._house, self._hub, told.SSE, self._wanted) as watcher:
            await send_events(watcher.stream, scope, receive, send)
