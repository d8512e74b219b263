"""Who sends a bearer token: an app with one that was issued to it, or the operator with the static one.

https://www.rfc-editor.org/rfc/rfc6750#section-2.1
"""

from hmac import compare_digest
from typing import Final

from smart_auth.errors import CredentialsMissing, CredentialsRejected
from smart_auth.ports import Bearers
from smart_auth.principal import EVERY_SCOPE, Principal
from smart_auth.tokens import ACCESS, sha256

_SCHEME = "bearer "

OPERATOR: Final = "static-token"
LOCAL: Final = "local"
CREDENTIALS: Final = frozenset({OPERATOR, LOCAL})
"""The subjects that no account stands behind, but how the server is run."""


class StaticToken:
    """Lets in whoever sends the one token, with every scope.

    `fingerprint` tells the token from others without saying it: what the principal asked for that lasts is judged by it.
    """

    __slots__ = ("_principal", "_token")

    def __init__(self, token: str, fingerprint: str | None = None) -> None:
        self._token = token.encode()
        self._principal = Principal(
            OPERATOR, EVERY_SCOPE, administrator=True, auditor=True, grant=fingerprint
        )

    async def authenticate(self, authorization_header: str | None) -> Principal:
        """The token's principal; the comparison takes the same time whatever was sent.

        Raises CredentialsMissing without a bearer token, CredentialsRejected for any other than the one.
        """
        if not compare_digest(_sent(authorization_header).encode(), self._token):
            raise CredentialsRejected(
                "The bearer token is not valid here. Ask the operator for the current one."
            )
        return self._principal


class EveryoneLocal:
    """Lets everyone in as one local principal: `auth=off`, which serves loopback only."""

    __slots__ = ("_principal",)

    def __init__(self) -> None:
        self._principal = Principal(LOCAL, EVERY_SCOPE, administrator=True, auditor=True)

    async def authenticate(self, authorization_header: str | None) -> Principal:  # noqa: ARG002 - the port's shape
        """The local principal, whatever was sent; never fails."""
        return self._principal


class Bearer:
    """Lets in whoever sends an access token that holds, or the operator's static token where there is one."""

    __slots__ = ("_holders", "_static")

    def __init__(self, holders: Bearers, static: StaticToken | None) -> None:
        self._holders = holders
        self._static = static

    async def authenticate(self, authorization_header: str | None) -> Principal:
        """Who holds the token, with the rights they have now.

        Raises CredentialsMissing without a bearer token, CredentialsRejected for one that does not hold.
        """
        token = _sent(authorization_header)
        if token.startswith(ACCESS):
            principal = await self._holders.holder(sha256(token))
            if principal is None:
                raise CredentialsRejected(
                    "The access token has ended, was revoked, or was never issued here. Get another one."
                )
            return principal
        if self._static is None:
            raise CredentialsRejected("The bearer token was not issued here.")
        return await self._static.authenticate(authorization_header)


def _sent(authorization_header: str | None) -> str:
    if authorization_header is None or authorization_header[:7].lower() != _SCHEME:
        raise CredentialsMissing("No bearer token was sent. Send the header `Authorization: Bearer <token>`.")
    return authorization_header[7:].strip()
