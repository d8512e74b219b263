"""Being logged in: a browser's secret, the session that it stands for, and what its forms must carry.

https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from smart_auth.users import User

_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which `user` logged in at `began_at`; `id` names it where no secret may stand."""

    id: str
    user: User
    began_at: datetime


class Sessions(Protocol):
    """Where sessions are kept, by the hash of their secret."""

    async def begin(self, sha256: bytes, user: User) -> Session:
        """A new session."""
        ...

    async def renew(self, sha256: bytes, user: User, before: bytes) -> Session | None:
        """The session of the secret `before`, under a new one from now on; None unless it is the user's and has not ended."""
        ...

    async def find(self, sha256: bytes) -> Session | None:
        """The session, seen at this moment; None when it ended, was left too long, or its user is disabled."""
        ...

    async def end(self, sha256: bytes) -> None:
        """Ends the session, and with it what apps may do only as long as their user is here."""
        ...


def new_secret() -> str:
    """What a browser is given to be known by: 256 random bits."""
    return secrets.token_urlsafe(_BYTES)


async def begin(sessions: Sessions, user: User, before: str | None) -> tuple[str, Session]:
    """A secret that nobody had before the login, and the session it stands for.

    Where the browser's secret `before` was the same user's their session goes on; another's ends.
    """
    secret = new_secret()
    if before is not None:
        renewed = await sessions.renew(_sha256(secret), user, _sha256(before))
        if renewed is not None:
            return secret, renewed
        await sessions.end(_sha256(before))
    return secret, await sessions.begin(_sha256(secret), user)


async def find(sessions: Sessions, secret: str | None) -> Session | None:
    """The session that a browser's secret stands for; None for a browser in which nobody is logged in."""
    return None if secret is None else await sessions.find(_sha256(secret))


async def end(sessions: Sessions, secret: str | None) -> None:
    """Nothing; the browser is logged out."""
    if secret is not None:
        await sessions.end(_sha256(secret))


def form_token(secret: str) -> str:
    """What every form that goes to a browser carries, so that no other site can fill it in.

    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html#hmac-csrf-token
    """
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(token: str, secret: str | None) -> bool:
    """Whether a form came from a page that this browser was given."""
    return secret is not None and hmac.compare_digest(token.encode(), form_token(secret).encode())


def _sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
