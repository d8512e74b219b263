"""A refresh token exchanged for new tokens and for the next refresh token, with the context that came with the first.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token
"""

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError, InvalidScopeError

from smart_auth.granting import narrower
from smart_auth.grants import Held
from smart_auth.oauth.code_grant import Answer
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.issue import LASTING, under
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered
from smart_auth.oauth.spending import held, rightful, spend


class RefreshGrant(grants.RefreshTokenGrant):
    """The core's, with a new refresh token each time."""

    INCLUDE_NEW_REFRESH_TOKEN = True
    request: FormRequest

    @property
    def kept(self) -> Kept:
        """The ports."""
        kept: Kept = self.server.kept
        return kept

    def validate_token_request(self) -> None:
        """Nothing; raises an OAuth2Error for a request that cannot be served. A wrong scope does not spend the token."""
        client: Registered = self._validate_request_client()
        text = self.request.form.get("refresh_token")
        if not text:
            raise InvalidRequestError("Send refresh_token.")
        self.request.refresh_token = held(text, "refresh", client.client, self.request, self.kept)

    def create_token_response(self) -> Answer:
        """New tokens, with fewer scopes where fewer were asked for. Raises InvalidScopeError for more, InvalidGrantError."""
        request, kept = self.request, self.kept
        found: Held = request.refresh_token
        within = rightful(found, request.client.client, request, kept)
        if not LASTING & set(within):
            raise InvalidGrantError("The app is not registered for lasting access any more.")
        asked = request.form.get("scope", "").split()
        scopes = _narrower(asked, within, kept) if asked else within
        issued = under(request, found.grant, within, scopes, kept.lives)
        spend(found, issued, request, kept)
        return 200, dict(issued.answer), self.TOKEN_RESPONSE_HEADER


def _narrower(asked: list[str], scopes: tuple[str, ...], kept: Kept) -> tuple[str, ...]:
    within = narrower(asked, scopes, kept.resources)
    if within is None:
        raise InvalidScopeError("scope asks for more than was granted.")
    return within
