"""Requests to the endpoints for tokens, read and answered as OAuth has it: a form comes, JSON goes, nobody keeps it.

https://www.rfc-editor.org/rfc/rfc6749#section-5
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastapi import Request, Response

from fhir_server import clock
from fhir_server.audit.port import Audit
from fhir_server.errors import RequestError
from fhir_server.json import dumps
from fhir_server.outcomes import failure
from fhir_server.rest.audited import Notes, origin
from fhir_server.rest.call import Authenticator
from fhir_server.rest.rates import AddressRates
from fhir_server.rest.smart.browser import form, here
from fhir_server.settings import Settings
from smart_auth.errors import SmartAuthError
from smart_auth.oauth.endpoints import Endpoints
from smart_auth.oauth.form import Form, Reply
from smart_auth.ports import SigningKeys

Serve: TypeAlias = Callable[[Form], Awaitable[Reply]]

NOT_KEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_ERRORS: Final = {429: "slow_down", 503: "temporarily_unavailable"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoints are served with, put together once by `app.py`."""

    settings: Settings
    endpoints: Endpoints
    signing_keys: SigningKeys
    authenticator: Authenticator
    audit: Audit
    rates: AddressRates


async def served(desk: Desk, request: Request, serve: Serve, *, trusts_bearer: bool = False) -> Response:
    """The answer of `serve` to the form that was sent; whatever cannot be served is told in OAuth's own words."""
    notes = Notes(desk.audit, origin(request.scope))
    try:
        await desk.rates.admit(request.scope)
        authorization = request.headers.get("authorization")
        trusted = await _trusted(desk, authorization) if trusts_bearer else None
        sent = await form(request)
        asked = Form(
            pairs=sent.fields,
            authorization=authorization,
            here=here(request, desk.settings.base_url),
            now=clock.now(),
            recorder=notes,
            trusted=trusted,
        )
        reply = await serve(asked)
        await notes.keep()
    except RequestError as error:
        return _refused(error)
    return Response(
        dumps(reply.body),
        reply.status,
        {name: value for name, value in reply.headers if name != "Content-Type"},
        media_type="application/json",
    )


async def _trusted(desk: Desk, authorization: str | None) -> str | None:
    """The subject of a bearer who may ask about all tokens, as administrators may."""
    if authorization is None or not authorization.lower().startswith("bearer "):
        return None
    try:
        bearer = await desk.authenticator.authenticate(authorization)
    except SmartAuthError:
        return None
    return bearer.subject if bearer.administrator else None


def _refused(error: RequestError) -> Response:
    """What could not be read, or not now, as an error of OAuth."""
    failing = failure(error)
    status = 400 if failing.status in (413, 415) else failing.status
    body = {"error": _ERRORS.get(status, "invalid_request"), "error_description": str(error)}
    lines = {name.decode(): value.decode() for name, value in failing.headers}
    return Response(dumps(body), status, NOT_KEPT | lines, media_type="application/json")
