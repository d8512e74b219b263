"""What a person decides on when an app asks: who they are, for which patient, and what the app may do.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from smart_auth.authorize import AuthorizeRequest
from smart_auth.scopes import scope
from smart_auth.sessions import Session

DECIDE_WITHIN: Final = timedelta(minutes=15)

IMPLIED: Final = frozenset({"launch", "launch/patient", "launch/encounter", "fhirUser"})
"""Scopes that nobody is asked about on their own: what they tell follows from the others, or was just chosen."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]
Step: TypeAlias = Literal["patient", "encounter", "consent", "done"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an app asked of somebody who is logged in, and what they chose so far; `parameters` are as the app sent them."""

    id: str
    parameters: Pairs
    patient: str | None = None
    encounter: str | None = None
    encounter_chosen: bool = False


class Asking(Protocol):
    """Where it is kept what people have yet to decide, each for one session."""

    async def add(self, session: str, parameters: Pairs) -> Asked:
        """What an app asks in this session."""
        ...

    async def find(self, id: str, session: str) -> Asked | None:
        """What was asked in this session and is still to be decided."""
        ...

    async def choose_patient(self, id: str, session: str, patient: str) -> None:
        """Keeps whom the app is to be about."""
        ...

    async def choose_encounter(self, id: str, session: str, encounter: str | None) -> None:
        """Keeps which encounter it is to be about, or that it is none."""
        ...

    async def take(self, id: str, session: str) -> bool:
        """Whether it was still to be decided; it is no longer."""
        ...


class Consents(Protocol):
    """What people agreed to before."""

    async def agreed(self, user: str, client: str, patient: str | None) -> frozenset[str]:
        """The scopes that the user granted the app about this patient, none if nothing is remembered."""
        ...

    async def agree(self, user: str, client: str, patient: str | None, scopes: Collection[str]) -> None:
        """Remembers these, and not those before."""
        ...


def must_log_in(request: AuthorizeRequest, session: Session | None, now: datetime) -> bool:
    """Whether the person must prove who they are before anything else, even if they are logged in.

    https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    """
    if session is None or request.prompt & {"login", "select_account"}:
        return True
    return request.max_age is not None and now - session.began_at > timedelta(seconds=request.max_age)


def is_settled(request: AuthorizeRequest, scopes: Collection[str], agreed: Collection[str]) -> bool:
    """Whether the person agreed to all of it before and need not be asked, which an app may demand.

    An app that nobody vouches for is asked about each time: its address may be anybody's.
    https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    """
    vouched = request.client.authentication != "none" or urlsplit(request.redirect_uri).scheme == "https"
    return vouched and "consent" not in request.prompt and set(scopes) <= set(agreed)


def chosen(possible: Collection[str], kept: Collection[str]) -> tuple[str, ...]:
    """The scopes that remain of those `possible` when the person kept these: what is implied goes with what it tells of."""
    left = {text for text in possible if text in kept or text in IMPLIED}
    if "openid" not in left:
        left -= {"fhirUser"}
    return tuple(text for text in possible if text in left)


def asks_for_something(scopes: Collection[str]) -> bool:
    """Whether anything is granted by `scopes` beyond what is implied."""
    return any(text not in IMPLIED for text in scopes)


def writes(text: str) -> bool:
    """Whether a scope lets an app change something."""
    found = scope(text)
    return found is not None and not set(found.permissions) <= set("rs")
