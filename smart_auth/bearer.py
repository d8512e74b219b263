"""One static bearer token, until clients get their own.

https://www.rfc-editor.org/rfc/rfc6750#section-2.1
"""

from hmac import compare_digest

from smart_auth.errors import CredentialsMissing, CredentialsRejected
from smart_auth.principal import EVERY_SCOPE, Principal

_SCHEME = "bearer "


class StaticToken:
    """Lets in whoever sends the one token, with every scope."""

    __slots__ = ("_principal", "_token")

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._principal = Principal("static-token", EVERY_SCOPE, administrator=True, auditor=True)

    async def authenticate(self, authorization_header: str | None) -> Principal:
        """The token's principal; the comparison takes the same time whatever was sent.

        Raises CredentialsMissing without a bearer token, CredentialsRejected for any other than the one.
        """
        if authorization_header is None or authorization_header[:7].lower() != _SCHEME:
            raise CredentialsMissing(
                "No bearer token was sent. Send the header `Authorization: Bearer <token>`."
            )
        if not compare_digest(authorization_header[7:].strip().encode(), self._token):
            raise CredentialsRejected(
                "The bearer token is not valid here. Ask the operator for the current one."
            )
        return self._principal


class EveryoneLocal:
    """Lets everyone in as one local principal: `auth=off`, which serves loopback only."""

    __slots__ = ("_principal",)

    def __init__(self) -> None:
        self._principal = Principal("local", EVERY_SCOPE, administrator=True, auditor=True)

    async def authenticate(self, authorization_header: str | None) -> Principal:  # noqa: ARG002 - the port's shape
        """The local principal, whatever was sent; never fails."""
        return self._principal
