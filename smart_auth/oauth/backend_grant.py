"""A token that a backend gets for itself: for minutes, with scopes that it was registered with.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html#obtain-access-token
"""

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError

from smart_auth.granting import granted, understood
from smart_auth.oauth.code_grant import Answer
from smart_auth.oauth.form import FormRequest, printable
from smart_auth.oauth.issue import for_backend
from smart_auth.oauth.kept import Kept


class BackendGrant(grants.ClientCredentialsGrant):
    """The core's, with the scopes of SMART."""

    request: FormRequest

    @property
    def kept(self) -> Kept:
        """The ports."""
        kept: Kept = self.server.kept
        return kept

    def validate_requested_scope(self) -> None:
        """Nothing; raises InvalidScopeError for a scope that no backend can have, and where none is left."""
        client = self.request.client.client
        if client.disabled:
            raise InvalidClientError("The client was disabled.", status_code=401)
        asked = self.request.form.get("scope", "").split()
        for text in asked:
            found = understood(text, self.kept.resources)
            if found is None or found.level != "system":
                raise InvalidScopeError(f"{printable(text)} is no scope that a backend can have here.")
        scopes = granted(asked, client.scopes, self.kept.resources)
        if not scopes:
            raise InvalidScopeError("The client is registered for none of the scopes. Send scope=system/...")
        self.request.granted = scopes

    def create_token_response(self) -> Answer:
        """A token that lives five minutes, and nothing to renew it with."""
        request = self.request
        issued = for_backend(request, request.client.client.id, request.granted)
        request.wait(self.kept.grants.issue(issued.access, request.asked.now))
        return 200, dict(issued.answer), self.TOKEN_RESPONSE_HEADER
