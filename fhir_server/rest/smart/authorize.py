"""`/oauth/authorize`: where an app sends a person's browser to ask for access.

https://www.rfc-editor.org/rfc/rfc6749#section-3.1
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from fhir_server.clock import now
from fhir_server.rest.smart import browser, flow
from fhir_server.rest.smart.described import authorize_form, authorize_query
from fhir_server.rest.smart.flow import Journey
from fhir_server.rest.smart.login import login_page
from fhir_server.rest.smart.page import see_other
from fhir_server.rest.smart.page_route import notes
from fhir_server.rest.smart.reception import Reception, visit
from smart_auth.authorize import refused, validated
from smart_auth.deciding import must_log_in


def add(routes: APIRouter, reception: Reception) -> None:
    """Adds the endpoint to `routes`."""

    @routes.get("/authorize", summary="Ask a person for access of an app", openapi_extra=authorize_query())
    async def asked(request: Request) -> Response:
        here, parameters = await visit(reception, request), browser.query(request).fields
        asking = await validated(parameters, reception.clients, here.at)
        if not must_log_in(asking, here.session, now()) and here.session is not None:
            journey = Journey(reception, here.at, here.session, notes(request))
            return await flow.begin(journey, parameters)
        if "none" in asking.prompt:
            raise refused(asking, here.at, "login_required", "Nobody is logged in, or not lately enough.")
        return login_page(here, urlencode(parameters), asking.login_hint or "", app=asking.client.name)

    @routes.post("/authorize", summary="The same, sent as a form", openapi_extra=authorize_form())
    async def asked_by_form(request: Request) -> Response:
        """A browser keeps its cookie back from the form of another site: it is to come again by GET."""
        parameters = (await browser.form(request)).fields
        at = browser.here(request, reception.settings.base_url)
        await validated(parameters, reception.clients, at)
        return see_other(f"authorize?{urlencode(parameters)}")
