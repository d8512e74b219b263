"""A registered client as authlib's core asks about it.

https://www.rfc-editor.org/rfc/rfc6749#section-2
"""

from dataclasses import dataclass
from hmac import compare_digest

from smart_auth import tokens
from smart_auth.clients import Client

_PERSONAL = frozenset({"authorization_code", "refresh_token"})
_BACKEND = frozenset({"client_credentials"})


@dataclass(frozen=True, slots=True)
class Registered:
    """The client, and what the core wants to know of it."""

    client: Client

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the client gets tokens in this way: a backend for itself, any other for a person."""
        return grant_type in (_BACKEND if self.client.backend else _PERSONAL)

    def check_client_secret(self, secret: str) -> bool:
        """Whether it is one of the client's secrets that hold."""
        given = tokens.sha256(secret)
        return any(compare_digest(given, known) for known in self.client.secrets)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Whether the client proves itself in this way; a secret may come in the header or in the form."""
        registered = self.client.authentication
        return method == registered or (
            method == "client_secret_post" and registered == "client_secret_basic"
        )
