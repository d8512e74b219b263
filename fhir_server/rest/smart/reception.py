"""What the pages are served with, and who comes to them.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from fhir_server.errors import Forbidden
from fhir_server.rest.rates import AddressRates
from fhir_server.rest.smart import browser
from fhir_server.rest.smart.browser import Form, FormForged
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.store.smart.app_requests import AppRequests
from fhir_server.store.smart.consents import Consents
from fhir_server.store.smart.launches import Launches
from fhir_server.store.smart.sessions import Sessions
from fhir_server.store.smart.users import Accounts
from smart_auth import sessions
from smart_auth.addresses import Addresses
from smart_auth.passwords import Passwords
from smart_auth.ports import Clients, Grants, Resources
from smart_auth.sessions import Session
from terminology.service import TerminologyService


@dataclass(frozen=True, slots=True)
class Reception:
    """What every page is served with, put together once by `app.py`."""

    settings: Settings
    database: Database
    cursor_key: bytes
    terminology: TerminologyService
    accounts: Accounts
    passwords: Passwords
    sessions: Sessions
    asking: AppRequests
    consents: Consents
    launches: Launches
    clients: Clients
    grants: Grants
    resources: Resources
    rates: AddressRates


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at a page: `secret` is what it is known by, `begun` the session of whoever logged in there."""

    at: Addresses
    secret: str | None
    begun: Session | None

    @property
    def session(self) -> Session | None:
        """The session of a user who may do more than choose their password."""
        return None if self.begun is None or self.begun.user.password_until is not None else self.begun

    @property
    def form_token(self) -> str:
        """What the forms of this browser carry."""
        return sessions.form_token(cast("str", self.secret))

    def check_form(self, form: Form) -> None:
        """Nothing, for a form of a page that this browser was given; raises FormForged for any other."""
        if not sessions.is_form_token(form.value("token"), self.secret):
            raise FormForged(
                "The page you sent is out of date, or cookies are off. Load the page again and repeat it."
            )

    def needs_session(self) -> Session:
        """The session. Raises Forbidden where nobody is logged in."""
        if self.session is None:
            raise Forbidden("You are not logged in any more. Go back to where you came from and start again.")
        return self.session


async def visit(reception: Reception, request: Request) -> Visit:
    """Who is at the page."""
    at = browser.here(request, reception.settings.base_url)
    secret = browser.secret(request, at)
    return Visit(at, secret, await sessions.find(reception.sessions, secret))
