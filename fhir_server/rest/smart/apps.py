"""`/oauth/apps`: what apps may do for a person, since when, and the way to take it back.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#metadata (management_endpoint)
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart import browser
from fhir_server.rest.smart.choices import Chooser
from fhir_server.rest.smart.described import page_form, page_query
from fhir_server.rest.smart.page import page, see_other
from fhir_server.rest.smart.page_route import notes
from fhir_server.rest.smart.reception import Reception, Visit, visit
from fhir_server.rest.smart.words import Line, lines
from fhir_server.store.smart.consents import Permitted
from smart_auth.audit import Event
from smart_auth.deciding import IMPLIED
from smart_auth.sessions import Session

_APART: Final = 3
_SHOWN: Final = 100


def add(routes: APIRouter, reception: Reception) -> None:
    """Adds the page to `routes`."""

    @routes.get("/apps", summary="What apps may do for a person", openapi_extra=page_query("done"))
    async def shown(request: Request) -> Response:
        here = await visit(reception, request)
        if here.session is None:
            return see_other("password" if here.begun else "login")
        return await _page(reception, here, here.session, browser.query(request).value("done"))

    @routes.post("/apps", summary="Take it back from an app", openapi_extra=page_form("client"))
    async def revoked(request: Request) -> Response:
        here, form = await visit(reception, request), await browser.form(request)
        here.check_form(form)
        user, client = here.needs_session().user, form.value("client")
        if await reception.clients.find(client) is None:
            return see_other("apps")
        await reception.consents.revoke(user.id, client)
        notes(request).note(Event("revoke", True, user.subject, client=client, user=user.id))
        return see_other("apps?done=revoked")


async def _page(reception: Reception, here: Visit, session: Session, done: str) -> Response:
    permitted = await reception.consents.permitted(session.user.id)
    ids = sorted({each.patient for each in permitted if each.patient})[:_SHOWN]
    found = await Chooser(reception, here.at, session.user).these(ids)
    names = {each.id: each.name for each in found}
    apps = [_app(list(each), names) for _, each in groupby(permitted, lambda permission: permission.client)]
    return page("apps", token=here.form_token, user=session.user, apps=apps, revoked=done == "revoked")


def _app(permitted: list[Permitted], names: dict[str, str]) -> dict[str, object]:
    """One app as the page shows it."""
    used = [each.last_used for each in permitted if each.last_used is not None]
    return {
        "id": permitted[0].client,
        "name": permitted[0].name,
        "since": min(each.since for each in permitted),
        "last_used": max(used) if used else None,
        "lines": list(_lines(permitted, names)),
    }


def _lines(permitted: Sequence[Permitted], names: dict[str, str]) -> Iterator[Line]:
    """What the app may do, patient by patient, or for many at once."""
    patients = {each.patient for each in permitted if each.patient}
    if len(patients) > _APART:
        scopes = sorted({text for each in permitted for text in each.scopes})
        yield from lines(_decided(scopes), f"{len(patients)} patients")
        return
    for each in permitted:
        yield from lines(_decided(each.scopes), names.get(each.patient or ""))


def _decided(scopes: Iterable[str]) -> list[str]:
    return [text for text in scopes if text not in IMPLIED]
