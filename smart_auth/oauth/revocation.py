"""Tokens ended by the client that has them.

https://www.rfc-editor.org/rfc/rfc7009
"""

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint

from smart_auth import tokens
from smart_auth.grants import Access, Held
from smart_auth.oauth.authentication import authenticated
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered


class Revocation(RevocationEndpoint):
    """The core's; for a token that is unknown, or another's, the answer is the same and nothing happens."""

    @property
    def kept(self) -> Kept:
        """The ports."""
        kept: Kept = self.server.kept
        return kept

    def authenticate_endpoint_client(self, request: FormRequest) -> Registered:
        """The client that asks. Raises InvalidClientError."""
        return authenticated(request, self.kept)

    def authenticate_token(self, request: FormRequest, client: Registered) -> Held | Access | None:
        """The client's token, whatever was hinted of it."""
        text = request.form.get("token")
        if not text:
            raise InvalidRequestError("Send token.")
        digest, now = tokens.sha256(text), request.asked.now
        held = request.wait(self.kept.grants.held(digest, "refresh", now))
        if held is not None:
            return held if held.grant.client == client.client.id else None
        found = request.wait(self.kept.grants.access(digest, now))
        return found[0] if found is not None and found[0].client == client.client.id else None

    def revoke_token(self, token: Held | Access, request: FormRequest) -> None:
        """Nothing; with a refresh token ends all that was granted with it, with an access token that one."""
        if isinstance(token, Held):
            request.wait(self.kept.grants.revoke(token.grant.id, request.asked.now))
        else:
            request.wait(self.kept.grants.forget(token.sha256))
