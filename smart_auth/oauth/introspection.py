"""What a token is worth, told to whoever may know.

https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html; https://www.rfc-editor.org/rfc/rfc7662
"""

from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from smart_auth import tokens
from smart_auth.granting import granted
from smart_auth.grants import Grant
from smart_auth.oauth.authentication import authenticated
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.id_token import fhir_user
from smart_auth.oauth.issue import LASTING, context
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered
from smart_auth.oauth.spending import rightful


@dataclass(frozen=True, slots=True)
class Active:
    """A token that holds: of which client, with which scopes, until when, under which grant."""

    client: str
    scopes: tuple[str, ...]
    expires_at: datetime
    issued_at: datetime | None
    grant: Grant | None
    request: FormRequest


class Introspection(IntrospectionEndpoint):
    """The core's. A client learns of its own tokens, one that is registered to introspect of all."""

    @property
    def kept(self) -> Kept:
        """The ports."""
        kept: Kept = self.server.kept
        return kept

    def authenticate_endpoint_client(self, request: FormRequest) -> Registered | None:
        """The client that asks, None for somebody whom the server trusts. Raises InvalidClientError for any other."""
        if request.asked.trusted is not None:
            return None
        client = authenticated(request, self.kept, public=False)
        if client.client.disabled:
            raise InvalidClientError("The client was disabled.", status_code=401)
        return client

    def authenticate_token(self, request: FormRequest, client: Registered | None) -> Active | None:
        """The token, when it holds and the client may know of it; a hint changes nothing."""
        text = request.form.get("token")
        if not text:
            raise InvalidRequestError("Send token.")
        found = _access(text, request, self.kept) or _refresh(text, request, self.kept)
        if found is None or not (
            client is None or client.client.introspects or client.client.id == found.client
        ):
            return None
        return found

    def create_introspection_payload(self, token: Active | None) -> dict[str, object]:
        """What is told: of a token that does not hold, or is not theirs to know, nothing else."""
        if token is None:
            return {"active": False}
        told: dict[str, object] = {
            "active": True,
            "scope": " ".join(token.scopes),
            "client_id": token.client,
            "exp": int(token.expires_at.timestamp()),
        }
        if token.issued_at is not None:
            told |= {"token_type": "Bearer", "iat": int(token.issued_at.timestamp())}
        return (
            told
            if token.grant is None
            else told | context(token.grant) | _identity(token.grant, token.request)
        )


def _identity(grant: Grant, request: FormRequest) -> dict[str, object]:
    if "openid" not in grant.scopes:
        return {}
    here = request.asked.here
    told: dict[str, object] = {"iss": here.issuer, "sub": grant.user}
    if (person := fhir_user(grant, here)) is not None:
        told["fhirUser"] = person
    return told


def _access(text: str, request: FormRequest, kept: Kept) -> Active | None:
    """The access token, with the scopes that it has at this moment."""
    found = request.wait(kept.grants.access(tokens.sha256(text), request.asked.now))
    if found is None:
        return None
    access, grant = found
    client = request.wait(kept.clients.find(access.client))
    person = None if grant is None else request.wait(kept.people.person(grant.user))
    if client is None or (grant is not None and person is None):
        return None
    scopes = granted(access.scopes, client.scopes, kept.resources, person)
    return Active(access.client, scopes, access.expires_at, access.issued_at, grant, request)


def _refresh(text: str, request: FormRequest, kept: Kept) -> Active | None:
    """The refresh token, when it could be exchanged at this moment."""
    found = request.wait(kept.grants.held(tokens.sha256(text), "refresh", request.asked.now))
    if found is None or found.spent_at is not None:
        return None
    client = request.wait(kept.clients.find(found.grant.client))
    if client is None or client.disabled:
        return None
    try:
        within = rightful(found, client, request, kept)
    except InvalidGrantError:
        return None
    if not LASTING & set(within):
        return None
    return Active(found.grant.client, within, found.once.expires_at, None, found.grant, request)
