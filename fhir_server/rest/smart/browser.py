"""What a browser sends to a page: its cookie, the form, and where it believes to be.

https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from fhir_server.errors import Forbidden, InvalidRequest, TooLarge, UnsupportedMediaType
from fhir_server.rest.negotiation import FORM
from fhir_server.rest.request import Pairs, pairs
from fhir_server.rest.request import request as taken_apart
from smart_auth.addresses import Addresses, addresses

_MOST_BYTES: Final = 32_000
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class FormForged(Forbidden):
    """A form that did not come from a page which this browser was given."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, in order."""

    fields: Pairs

    def value(self, name: str) -> str:
        """The value of the one field of that name, empty without one. Raises InvalidRequest for several."""
        found = self.values(name)
        if len(found) > 1:
            raise InvalidRequest(f"The form has {name} more than once. Send it once.", name)
        return found[0] if found else ""

    def values(self, name: str) -> Sequence[str]:
        """The values of all fields of that name."""
        return [value for key, value in self.fields if key == name]


async def form(request: Request) -> Form:
    """The form that was sent. Raises UnsupportedMediaType, TooLarge, InvalidRequest."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType(f"What was sent is no form. Send {FORM}.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise TooLarge(f"The form is larger than {_MOST_BYTES} bytes. Send less.")
    except ClientDisconnect as error:
        raise InvalidRequest("The connection ended before the form was whole. Send it again.") from error
    return Form(pairs(bytes(body)))


def query(request: Request) -> Form:
    """The parameters of the address. Raises InvalidRequest."""
    return Form(pairs(request.scope["query_string"]))


def here(request: Request, base_url: str | None) -> Addresses:
    """The addresses of this server as the browser sees them."""
    return addresses(taken_apart(request.scope, base_url).base, certain=base_url is not None)


def secret(request: Request, at: Addresses) -> str | None:
    """What this browser was given to be known by, None for a browser without it."""
    sent = request.cookies.get(_cookie(at), "")
    return sent if _SECRET.fullmatch(sent) else None


def remember(response: Response, secret: str, at: Addresses) -> Response:
    """`response`, with which the browser is given `secret`."""
    secure = _is_secure(at)
    response.set_cookie(_cookie(at), secret, path="/", secure=secure, httponly=True, samesite="lax")
    return response


def forget(response: Response, at: Addresses) -> Response:
    """`response`, with which the browser loses its secret."""
    response.delete_cookie(_cookie(at), path="/", secure=_is_secure(at), httponly=True, samesite="lax")
    return response


def _cookie(at: Addresses) -> str:
    return "__Host-session" if _is_secure(at) else "session"


def _is_secure(at: Addresses) -> bool:
    return at.fhir.startswith("https:")
