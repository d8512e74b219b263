"""An app or a service that may ask for tokens, as it was registered.

https://www.rfc-editor.org/rfc/rfc7591#section-2
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from smart_auth.errors import SmartAuthError

Authentication: TypeAlias = Literal["none", "client_secret_basic", "private_key_jwt"]

_LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})


class ClientTaken(SmartAuthError):
    """There is a client with that id already."""


@dataclass(frozen=True, slots=True)
class Client:
    """`scopes` are the most it may be granted. A `backend` asks for itself (`system/`), any other for a person.

    `secrets` are the SHA-256 of those that hold; of a client with keys either `jwks` or `jwks_uri` is set. The redirect
    to a `native` app on the same machine may name any port. What a client with `administration` asks for an administrator,
    it may do as one; one that `introspects` may ask about the tokens of others.
    """

    id: str
    name: str
    authentication: Authentication
    scopes: tuple[str, ...]
    backend: bool = False
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    secrets: tuple[bytes, ...] = ()
    jwks: Mapping[str, object] | None = None
    jwks_uri: str | None = None
    native: bool = False
    administration: bool = False
    introspects: bool = False
    disabled: bool = False

    def may_redirect_to(self, uri: str) -> bool:
        """Whether `uri` is registered: the same text, but for the port of a native app's loopback address."""
        if uri in self.redirect_uris:
            return True
        asked = _without_port(uri) if self.native else None
        return asked is not None and any(_without_port(known) == asked for known in self.redirect_uris)


def _without_port(uri: str) -> str | None:
    """A loopback `uri` without its port; None for any other, and for one that is not read as it is written.

    https://www.rfc-editor.org/rfc/rfc8252#section-7.3
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    host = parts.netloc.removesuffix(f":{port}")
    if parts.scheme != "http" or host not in _LOOPBACK or parts.fragment or parts.geturl() != uri:
        return None
    return parts._replace(netloc=host).geturl()
