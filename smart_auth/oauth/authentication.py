"""How a client proves itself at the endpoints: in exactly one way, the one it is registered with.

https://www.rfc-editor.org/rfc/rfc6749#section-2.3
"""

import base64
from typing import Final
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, InvalidRequestError

from smart_auth import tokens
from smart_auth.oauth.assertion import asserted
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered

_REALM: Final = 'realm="oauth"'
_UNPROVED: Final = "The client is not known, or did not prove itself in the way it is registered with."


def authenticated(request: FormRequest, kept: Kept, *, public: bool = True) -> Registered:
    """The client that sent the request; without `public` only one that can prove itself.

    Raises InvalidRequestError for more than one proof, InvalidClientError for one that does not hold.
    """
    method, client = _presented(request, kept)
    if (
        client is None
        or not client.check_endpoint_auth_method(method, "")
        or (method == "none" and not public)
    ):
        raise InvalidClientError(_UNPROVED, status_code=401)
    named = request.form.get("client_id")
    if named is not None and named != client.client.id:
        raise InvalidClientError("client_id is another than the client that proved itself.", status_code=401)
    request.client, request.auth_method = client, method
    return client


def _presented(request: FormRequest, kept: Kept) -> tuple[str, Registered | None]:
    """In which way the client proves itself, and the client if the proof holds."""
    form = request.form
    ways = {
        "client_secret_basic": request.headers["Authorization"] != "",
        "client_secret_post": "client_secret" in form,
        "private_key_jwt": "client_assertion" in form or "client_assertion_type" in form,
    }
    sent = [way for way, is_sent in ways.items() if is_sent]
    if len(sent) > 1:
        raise InvalidRequestError(f"The client proves itself in more than one way: {', '.join(sent)}.")
    match sent:
        case ["private_key_jwt"]:
            return "private_key_jwt", asserted(request, kept)
        case ["client_secret_basic"]:
            id, secret = _basic(request.headers["Authorization"])
            return sent[0], _with_secret(found(id, request, kept), secret)
        case ["client_secret_post"]:
            return sent[0], _with_secret(
                found(form.get("client_id", ""), request, kept), form["client_secret"]
            )
        case _:
            return "none", found(form.get("client_id") or _owner(request, kept), request, kept)


def _owner(request: FormRequest, kept: Kept) -> str:
    """The client whose refresh token comes without any `client_id`, which SMART does not ask of public apps.

    Raises InvalidGrantError for a token that is nobody's.
    https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token
    """
    form = request.form
    if form.get("grant_type") != "refresh_token" or not form.get("refresh_token"):
        return ""
    held = request.wait(kept.grants.held(tokens.sha256(form["refresh_token"]), "refresh", request.asked.now))
    if held is None:
        raise InvalidGrantError("The refresh token is unknown, has expired, or was revoked.")
    return held.grant.client


def challenge(request: FormRequest) -> str:
    """What tells somebody who did not prove themselves how to, in the scheme that they tried.

    https://www.rfc-editor.org/rfc/rfc7617#section-2; https://www.rfc-editor.org/rfc/rfc7662#section-2.3
    """
    scheme = request.headers["Authorization"].partition(" ")[0].lower()
    return f'Bearer {_REALM}, error="invalid_token"' if scheme == "bearer" else f"Basic {_REALM}"


def found(id: str, request: FormRequest, kept: Kept) -> Registered | None:
    """The registered client with this id."""
    client = None if not id or "\0" in id else request.wait(kept.clients.find(id))
    return None if client is None else Registered(client)


def _with_secret(client: Registered | None, secret: str) -> Registered | None:
    return client if client is not None and client.check_client_secret(secret) else None


def _basic(header: str) -> tuple[str, str]:
    """The id and the secret, each encoded as a form's value. Raises InvalidClientError for anything else."""
    scheme, _, encoded = header.partition(" ")
    try:
        id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        id = colon = secret = ""
    if scheme.lower() != "basic" or not colon:
        raise InvalidClientError(
            "The Authorization header is not that of Basic authentication.", status_code=401
        )
    return unquote_plus(id), unquote_plus(secret)
