"""`/oauth/password`: people choose a password of their own, which is the first thing after a one-time password.

https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver
"""

from fastapi import APIRouter, Request, Response

from fhir_server.clock import now
from fhir_server.rest.smart import browser
from fhir_server.rest.smart.described import page_form, page_query
from fhir_server.rest.smart.login import Mistakes, delayed, entered, leads_to
from fhir_server.rest.smart.page import page, see_other
from fhir_server.rest.smart.page_route import notes
from fhir_server.rest.smart.reception import Reception, Visit, visit
from smart_auth import sessions
from smart_auth.audit import Event, Recorder
from smart_auth.login import LoginDelayed, LoginRefused, choose_password
from smart_auth.passwords import LEAST_CHARACTERS, PasswordUnfit


def add(routes: APIRouter, reception: Reception) -> None:
    """Adds the page to `routes`."""

    @routes.get("/password", summary="Where people choose a password", openapi_extra=page_query("next"))
    async def shown(request: Request) -> Response:
        here = await visit(reception, request)
        if here.begun is None:
            return see_other("login")
        return _page(here, browser.query(request).value("next"))

    @routes.post(
        "/password",
        summary="Choose a password",
        openapi_extra=page_form("old", "new", "again", "next"),
    )
    async def sent(request: Request) -> Response:
        here, form = await visit(reception, request), await browser.form(request)
        here.check_form(form)
        if here.begun is None:
            return see_other("login")
        user, next, new = here.begun.user, form.value("next"), form.value("new")
        if new != form.value("again"):
            return _page(here, next, [("again", "The two new passwords differ. Type the same twice.")])
        try:
            await choose_password(
                reception.accounts, reception.passwords, user, form.value("old"), new, now()
            )
        except LoginRefused as error:
            notes(request).note(Event("login", False, error.subject, user=error.user, reason="refused"))
            return _page(here, next, [("old", "The old password is wrong. Check it and try again.")])
        except LoginDelayed as error:
            notes(request).note(Event("login", False, user.subject, user=user.id, reason="delayed"))
            return delayed(error, lambda text: _page(here, next, [("old", text)], 429))
        except PasswordUnfit as error:
            return _page(here, next, [("new", str(error))])
        notes(request).note(Event("user-update", True, user.subject, user=user.id, about=user.subject))
        return await _anew(reception, here, next, notes(request))


async def _anew(reception: Reception, here: Visit, next: str, recorder: Recorder) -> Response:
    """On to what they came for, logged in anew: every session before has ended with the old password."""
    assert here.begun is not None
    account = await reception.accounts.find(here.begun.user.name)
    assert account is not None
    secret, session = await sessions.begin(reception.sessions, account.user, here.secret)
    return browser.remember(await entered(reception, here, session, next, recorder), secret, here.at)


def _page(here: Visit, next: str, mistakes: Mistakes = (), status: int = 422) -> Response:
    assert here.begun is not None
    return page(
        "password",
        status if mistakes else 200,
        leads_to=leads_to(next),
        token=here.form_token,
        next=next,
        user=here.begun.user,
        least=LEAST_CHARACTERS,
        mistakes=mistakes,
    )
