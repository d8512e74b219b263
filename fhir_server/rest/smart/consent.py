"""`/oauth/consent`: what an app will be able to do, in plain words, for the person to allow or deny.

https://hl7.org/fhir/smart-app-launch/STU2.2/best-practices.html
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from fhir_server.rest.smart import browser, flow
from fhir_server.rest.smart.browser import Form
from fhir_server.rest.smart.described import page_form, page_query
from fhir_server.rest.smart.flow import Journey, Situation
from fhir_server.rest.smart.page import page
from fhir_server.rest.smart.page_route import notes
from fhir_server.rest.smart.reception import Reception, Visit, visit
from fhir_server.rest.smart.words import lines
from smart_auth.deciding import IMPLIED, asks_for_something, chosen
from smart_auth.sessions import Session

_LASTING: Final = ("offline_access", "online_access")
_NOTHING: Final = ("scope-1", "Allow at least one of these, or deny all of it.")
_ANOTHER: Final = ("patient", "Another patient was chosen since. Look whom it is about now, then decide.")


def add(routes: APIRouter, reception: Reception, lasts: timedelta) -> None:
    """Adds the page to `routes`; access without an end of its own `lasts` that long when it is not used."""

    async def arrived(request: Request, form: Form) -> tuple[Visit, Journey, Situation]:
        here = await visit(reception, request)
        journey = Journey(reception, here.at, here.needs_session(), notes(request))
        return here, journey, await flow.situation(journey, form.value("request"))

    @routes.get(
        "/consent", summary="Where people see what an app asks for", openapi_extra=page_query("request")
    )
    async def shown(request: Request) -> Response:
        here, journey, now_at = await arrived(request, browser.query(request))
        if now_at.step != "consent":
            return await flow.onward(journey, now_at)
        return _page(here, journey.session, now_at, lasts, kept=now_at.scopes)

    @routes.post(
        "/consent", summary="Allow or deny", openapi_extra=page_form("request", "about", "decision", "scope")
    )
    async def decided(request: Request) -> Response:
        form = await browser.form(request)
        here, journey, now_at = await arrived(request, form)
        here.check_form(form)
        if form.value("decision") != "allow":
            return await flow.deny(journey, now_at)
        if now_at.step != "consent":
            return await flow.onward(journey, now_at)
        scopes = chosen(now_at.scopes, form.values("scope"))
        if form.value("about") != _about(now_at):
            return _page(here, journey.session, now_at, lasts, kept=scopes, mistake=_ANOTHER)
        if asks_for_something(now_at.scopes) and not asks_for_something(scopes):
            return _page(here, journey.session, now_at, lasts, kept=(), mistake=_NOTHING)
        answer = await flow.finish(journey, now_at, scopes)
        await flow.agree(journey, now_at, scopes)
        return answer


def _page(
    here: Visit,
    session: Session,
    now_at: Situation,
    lasts: timedelta,
    *,
    kept: Collection[str],
    mistake: tuple[str, str] | None = None,
) -> Response:
    request, patient = now_at.request, now_at.patient
    asked = [text for text in now_at.scopes if text not in IMPLIED]
    told = lines([text for text in asked if text not in _LASTING], patient.name if patient else None)
    lasting = lines([text for text in asked if text in _LASTING], None)
    return page(
        "consent",
        422 if mistake else 200,
        leads_to=request.redirect_uri,
        token=here.form_token,
        user=session.user,
        app=request.client.name,
        place=_place(request.redirect_uri),
        request=now_at.asked.id,
        patient=patient,
        about=_about(now_at),
        may_choose_again=now_at.asked.patient is not None,
        lines=told,
        lasting=lasting,
        days=lasts.days,
        kept=kept,
        mistakes=[mistake] if mistake else [],
    )


def _about(now_at: Situation) -> str:
    """What the form carries of whom the page told: on another page another patient may have been chosen since."""
    return "" if now_at.patient is None else now_at.patient.id


def _place(redirect_uri: str) -> str:
    """Where the app is, as its user may know it."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in {"http", "https"} else "an app on this device"
