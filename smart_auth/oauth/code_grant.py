"""A code redeemed for tokens: once, by the client that asked for it, with its verifier.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token
"""

from dataclasses import dataclass
from typing import TypeAlias

from authlib.oauth2.rfc6749 import grants

from smart_auth.grants import Held
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.id_token import id_token
from smart_auth.oauth.issue import under
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered
from smart_auth.oauth.spending import held, rightful, spend

Answer: TypeAlias = tuple[int, dict[str, object], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Presented:
    """A code that the client presents, as the core asks about it."""

    held: Held

    def get_redirect_uri(self) -> str | None:
        """Where it was asked for from, which the client must repeat."""
        return self.held.once.redirect_uri


class CodeGrant(grants.AuthorizationCodeGrant):
    """The core's, on our ports."""

    request: FormRequest

    @property
    def kept(self) -> Kept:
        """The ports."""
        kept: Kept = self.server.kept
        return kept

    def query_authorization_code(self, code: str, client: Registered) -> Presented:
        """The code with its grant. Raises InvalidGrantError."""
        return Presented(held(code, "code", client.client, self.request, self.kept))

    def create_token_response(self) -> Answer:
        """Tokens and the context of the launch. Raises InvalidGrantError where another request was first."""
        request, found = self.request, self.request.authorization_code.held
        scopes = rightful(found, request.client.client, request, self.kept)
        issued = under(request, found.grant, scopes, scopes, self.kept.lives)
        identity = {"id_token": id_token(request, found.grant, self.kept)} if "openid" in scopes else {}
        spend(found, issued, request, self.kept)
        return 200, {**issued.answer, **identity}, self.TOKEN_RESPONSE_HEADER
