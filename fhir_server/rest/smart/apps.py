"""`/oauth/apps`: what apps may do for a person, since when, and the way to take it back.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#metadata (management_endpoint)
"""

from collections.abc import Iterable
from itertools import groupby

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart import browser
from fhir_server.rest.smart.choices import Chooser
from fhir_server.rest.smart.page import page, see_other
from fhir_server.rest.smart.page_route import notes
from fhir_server.rest.smart.reception import Reception, Visit, visit
from fhir_server.rest.smart.words import Line, lines
from fhir_server.store.smart.consents import Permitted
from smart_auth.audit import Event
from smart_auth.deciding import IMPLIED
from smart_auth.sessions import Session


def add(routes: APIRouter, reception: Reception) -> None:
    """Adds the page to `routes`."""

    @routes.get("/apps")
    async def shown(request: Request) -> Response:
        here = await visit(reception, request)
        if here.session is None:
            return see_other("password" if here.begun else "login")
        return await _page(reception, here, here.session, browser.query(request).value("done"))

    @routes.post("/apps")
    async def revoked(request: Request) -> Response:
        here, form = await visit(reception, request), await browser.form(request)
        here.check_form(form)
        user, client = here.needs_session().user, form.value("client")
        await reception.consents.revoke(user.id, client)
        notes(request).note(Event("revoke", True, user.subject, client=client, user=user.id))
        return see_other("apps?done=revoked")


async def _page(reception: Reception, here: Visit, session: Session, done: str) -> Response:
    permitted = await reception.consents.permitted(session.user.id)
    chooser = Chooser(reception, here.at, session.user)
    names = {
        id: found.name if (found := await chooser.patient(id)) else None
        for id in sorted({each.patient for each in permitted if each.patient})
    }
    apps = [_app(list(each), names) for _, each in groupby(permitted, lambda permission: permission.client)]
    return page("apps", token=here.form_token, user=session.user, apps=apps, revoked=done == "revoked")


def _app(permitted: list[Permitted], names: dict[str, str | None]) -> dict[str, object]:
    """One app as the page shows it."""
    used = [each.last_used for each in permitted if each.last_used is not None]
    return {
        "id": permitted[0].client,
        "name": permitted[0].name,
        "since": min(each.since for each in permitted),
        "last_used": max(used) if used else None,
        "lines": list(_lines(permitted, names)),
    }


def _lines(permitted: Iterable[Permitted], names: dict[str, str | None]) -> Iterable[Line]:
    for each in permitted:
        name = names.get(each.patient) if each.patient else None
        yield from lines([text for text in each.scopes if text not in IMPLIED], name)
