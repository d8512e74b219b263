"""Routes that answer people: what cannot be served becomes a page in plain words, or goes back to the app that asked.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
"""

from collections.abc import Callable, Coroutine
from typing import Final, TypeAlias, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from fhir_server.audit.port import Audit
from fhir_server.errors import RequestError, Unavailable
from fhir_server.outcomes import failure
from fhir_server.rest.audited import Notes, origin
from fhir_server.rest.rates import AddressRates
from fhir_server.rest.smart.described import of_pages
from fhir_server.rest.smart.page import page, see_other
from smart_auth.audit import Event, Recorder
from smart_auth.errors import NotAnswerable, SentBack

_CHALLENGE: Final = b"www-authenticate"  # asks for a token, which no page takes

Handler: TypeAlias = Callable[[Request], Coroutine[None, None, Response]]

_TITLES: Final = {
    403: "You may not do this",
    404: "This is not here any more",
    429: "Too many requests",
    503: "The server is busy",
}


def routes(audit: Audit, rates: AddressRates) -> APIRouter:
    """A router for pages, at the rate that an address has.

    What they note is kept before they answer.
    """

    class PageRoute(APIRoute):
        """A route whose refusals are pages."""

        def get_route_handler(self) -> Handler:
            inner = cast("Handler", super().get_route_handler())

            async def handler(request: Request) -> Response:
                request.state.notes = kept = Notes(audit, origin(request.scope))
                try:
                    answer = await _answer(inner, rates, request)
                    await kept.keep()
                except Unavailable as error:
                    return _refusal(error)
                return answer

            return handler

    return APIRouter(
        prefix="/oauth",
        tags=["pages"],
        route_class=PageRoute,
        default_response_class=HTMLResponse,
        responses=of_pages(),
    )


def notes(request: Request) -> Notes:
    """What is noted of this request for the audit."""
    return cast("Notes", request.state.notes)


def turned_away(error: SentBack | NotAnswerable, recorder: Recorder) -> Response:
    """The answer to an app that asks for what it cannot have: its own, or where it cannot be told so a page."""
    if isinstance(error, SentBack):
        recorder.note(Event("authorize", succeeded=False, reason=error.error))
        return see_other(error.location)
    recorder.note(Event("authorize", succeeded=False, reason="not-answerable"))
    return page("error", 400, title="The app’s request cannot be answered", text=str(error))


async def _answer(inner: Handler, rates: AddressRates, request: Request) -> Response:
    try:
        await rates.admit(request.scope)
        return await inner(request)
    except (SentBack, NotAnswerable) as error:
        return turned_away(error, notes(request))
    except RequestError as error:
        return _refusal(error)


def _refusal(error: RequestError) -> Response:
    failing = failure(error)
    title = _TITLES.get(failing.status, "This cannot be done")
    answer = page("error", failing.status, title=title, text=str(error))
    answer.raw_headers.extend((name, value) for name, value in failing.headers if name != _CHALLENGE)
    return answer
