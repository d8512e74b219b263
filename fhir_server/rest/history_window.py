"""Which versions a history is asked for: `_since`, `_at`, and where the page before ended.

https://hl7.org/fhir/R4/http.html#history
"""

from datetime import datetime
from typing import Final

from fhir_server.clock import now
from fhir_server.errors import Forbidden, InvalidRequest
from fhir_server.rest.request import Request
from fhir_server.search.params import date
from fhir_server.search.seal import Foreign, Seal, Unreadable
from fhir_server.store.history import Window

BEFORE: Final = "_before"


def window(request: Request, by: Seal) -> Window:
    """The window that the request asks for.

    Raises InvalidRequest for a date or place that cannot be read, Forbidden for a place of another caller's.
    """
    since, at, before = (once(request, name) for name in ("_since", "_at", BEFORE))
    return Window(
        since=None if since is None else _span("_since", since)[0],
        at=None if at is None else _span("_at", at),
        before=None if before is None else _place(before, by),
    )


def once(request: Request, name: str) -> str | None:
    """The value of a parameter, None where it is absent. Raises InvalidRequest when it is there several times."""
    values = [value for key, value in request.pairs if key == name]
    if len(values) > 1:
        raise InvalidRequest(f"{name} is given {len(values)} times. Give it once.", name)
    return values[0] if values else None


def cursor(place: tuple[datetime, int], by: Seal) -> str:
    """The place of an entry, as the next link carries it: sealed, since it tells how much is written here."""
    return by.close(f"{place[0].isoformat()} {place[1]}".encode())


def _span(name: str, text: str) -> tuple[datetime, datetime]:
    try:
        asked = date.asked("eq", text, now())
    except ValueError as error:
        raise InvalidRequest(f"{name} is {text[:40]!r}. Send a date or an instant.", name) from error
    return asked.lo, asked.hi


def _place(text: str, by: Seal) -> tuple[datetime, int]:
    try:
        moment, _, number = by.open(text).decode().partition(" ")
    except Unreadable as error:
        raise InvalidRequest(
            f"{BEFORE} is not from a next link of this server. Follow such a link.", BEFORE
        ) from error
    except Foreign as error:
        raise Forbidden(
            f"{BEFORE} is another caller's, or from before your scopes changed. Ask for the history anew.",
            BEFORE,
        ) from error
    return datetime.fromisoformat(moment), int(number)
