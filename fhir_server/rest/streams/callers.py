"""Who is at the other end of a stream: proved when they connect, and looked at again at everything that is sent.

https://www.rfc-editor.org/rfc/rfc6750
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from fhir_server.rest.call import Authenticator, unproved
from smart_auth.errors import SmartAuthError
from smart_auth.principal import Principal
from smart_auth.tokens import ACCESS, sha256

_SCHEME = "Bearer "


class Holders(Protocol):
    """Who holds access tokens, asked of many at once; it counts against no rate."""

    async def holders(self, asked: Sequence[bytes]) -> list[Principal | None]:
        """Who holds each of the tokens, with the rights of now; None for one that has ended or was revoked."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A caller as they were when they came.

    `token` is the hash of their access token; None is the operator's own credential, which holds while the server runs.
    """

    principal: Principal
    token: bytes | None

    @property
    def key(self) -> str:
        """Whom streams are counted for: an app for each of its users, a service by itself."""
        return f"{self.principal.client or ''}|{self.principal.subject}"


class Callers:
    """Lets callers in, and says later who of them may still be there."""

    __slots__ = ("_authenticator", "_holders")

    def __init__(self, authenticator: Authenticator, holders: Holders | None) -> None:
        """`holders` is None where no access token is issued to anybody: everyone on this machine is let in."""
        self._authenticator = authenticator
        self._holders = holders

    async def arrived(self, authorization: str | None) -> Caller:
        """Who sent this Authorization header; raises AuthenticationFailed, TooCostly beyond their rate, Unavailable."""
        try:
            principal = await self._authenticator.authenticate(authorization)
        except SmartAuthError as error:
            raise unproved(error) from error
        return self.known(principal, authorization)

    async def shown(self, token: str) -> Caller:
        """Who sent the token in a message; raises as `arrived`."""
        return await self.arrived(_SCHEME + token)

    def known(self, principal: Principal, authorization: str | None) -> Caller:
        """The caller that a request was let in as, by this header."""
        token = (authorization or "")[len(_SCHEME) :].strip()
        is_issued = self._holders is not None and token.startswith(ACCESS)
        return Caller(principal, sha256(token) if is_issued else None)

    async def standing(self, callers: Collection[Caller]) -> dict[Caller, Principal]:
        """Those who still may be there, with the rights of now; few statements for all. Raises Unavailable."""
        found = {one: one.principal for one in callers if one.token is None}
        asked = [one for one in callers if one.token is not None]
        if asked and self._holders is not None:
            holders = await self._holders.holders([one.token for one in asked if one.token is not None])
            found |= {one: holder for one, holder in zip(asked, holders, strict=True) if holder is not None}
        return found
