"""`/oauth/login` and `/oauth/logout`: people prove who they are, on their way to an app or to their own pages.

https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
"""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from fhir_server.clock import now
from fhir_server.rest.request import pairs
from fhir_server.rest.smart import browser, flow
from fhir_server.rest.smart.described import page_form
from fhir_server.rest.smart.flow import Journey
from fhir_server.rest.smart.page import page, see_other
from fhir_server.rest.smart.page_route import notes, turned_away
from fhir_server.rest.smart.reception import Reception, Visit, visit
from smart_auth import sessions
from smart_auth.audit import Event, Recorder
from smart_auth.errors import NotAnswerable, SentBack
from smart_auth.login import LoginDelayed, LoginRefused, login
from smart_auth.sessions import Session

Mistakes = Sequence[tuple[str, str]]
"""The id of a field, and what is wrong with it."""

_AFTER: Final = "apps"


def add(routes: APIRouter, reception: Reception) -> None:
    """Adds the two to `routes`."""

    @routes.get("/login", summary="Where people log in")
    async def shown(request: Request) -> Response:
        here = await visit(reception, request)
        return see_other(_AFTER) if here.session else login_page(here)

    @routes.post("/login", summary="Log in", openapi_extra=page_form("name", "password", "next"))
    async def sent(request: Request) -> Response:
        here, form = await visit(reception, request), await browser.form(request)
        here.check_form(form)
        name, next = form.value("name"), form.value("next")
        try:
            user = await login(reception.accounts, reception.passwords, name, form.value("password"), now())
        except LoginRefused as error:
            notes(request).note(Event("login", False, error.subject, user=error.user, reason="refused"))
            return login_page(here, next, name, [("name", f"{error} Check both and try again.")], 403)
        except LoginDelayed as error:
            notes(request).note(Event("login", False, reason="delayed"))
            return delayed(error, lambda text: login_page(here, next, name, [("name", text)], 429))
        notes(request).note(Event("login", True, user.subject, user=user.id, fhir_user=user.fhir_user))
        secret, session = await sessions.begin(reception.sessions, user, here.secret)
        return browser.remember(
            await entered(reception, here, session, next, notes(request)), secret, here.at
        )

    @routes.post("/logout", summary="Log out", openapi_extra=page_form())
    async def left(request: Request) -> Response:
        here = await visit(reception, request)
        here.check_form(await browser.form(request))
        await sessions.end(reception.sessions, here.secret)
        if here.begun is not None:
            notes(request).note(Event("logout", True, here.begun.user.subject, user=here.begun.user.id))
        return browser.forget(page("logged_out"), here.at)


def login_page(
    here: Visit, next: str = "", name: str = "", mistakes: Mistakes = (), status: int = 200, app: str = ""
) -> Response:
    """The page on which people log in; `next` is the app's request that they go on with, `app` who sends it."""
    secret = here.secret or sessions.new_secret()
    answer = page(
        "login",
        status,
        leads_to=leads_to(next),
        token=sessions.form_token(secret),
        next=next,
        name=name,
        app=app,
        mistakes=mistakes,
    )
    return answer if here.secret else browser.remember(answer, secret, here.at)


async def entered(
    reception: Reception, here: Visit, session: Session, next: str, recorder: Recorder
) -> Response:
    """Where somebody goes who just proved who they are: first to a password of their own, then to what they came for.

    Where an app's request cannot be gone on with that is the answer, and they stay logged in.
    """
    if session.user.password_until is not None:
        return see_other(f"password?{urlencode({'next': next})}" if next else "password")
    if not next:
        return see_other(_AFTER)
    try:
        return await flow.begin(Journey(reception, here.at, session, recorder), pairs(next.encode()))
    except (SentBack, NotAnswerable) as error:
        return turned_away(error, recorder)


def leads_to(next: str) -> str | None:
    """Where the app is answered that asks by `next`, which a form may lead to in the end."""
    return dict(pairs(next.encode())).get("redirect_uri")


def delayed(error: LoginDelayed, shown: Callable[[str], Response]) -> Response:
    """The page that `shown` makes of what is wrong, and when to come again."""
    seconds = int(error.wait.total_seconds()) + 1
    answer = shown(f"{error} Wait {_spoken(seconds)} and try again.")
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _spoken(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 100 else f"{-(-seconds // 60)} minutes"
