"""Where this server is, as its clients see it.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Addresses:
    """`issuer` is an origin without a final slash, `fhir` the address of `/fhir`.

    They are not `certain` when they rest on nothing but what a request says of where it went: who sends it could then let
    an assertion made for another server pass for one made for this.
    """

    issuer: str
    fhir: str
    certain: bool = True

    @property
    def binding(self) -> bool:
        """Whether what was made for these addresses was made for this server: they are certain, or of this machine."""
        return self.certain or urlsplit(self.issuer).hostname in _THIS_MACHINE

    @property
    def authorize(self) -> str:
        """The authorization endpoint."""
        return f"{self.issuer}/oauth/authorize"

    @property
    def token(self) -> str:
        """The token endpoint."""
        return f"{self.issuer}/oauth/token"

    @property
    def introspect(self) -> str:
        """The introspection endpoint."""
        return f"{self.issuer}/oauth/introspect"

    @property
    def revoke(self) -> str:
        """The revocation endpoint."""
        return f"{self.issuer}/oauth/revoke"

    @property
    def jwks(self) -> str:
        """The public keys of this server."""
        return f"{self.issuer}/oauth/jwks"

    @property
    def apps(self) -> str:
        """The page where people see and revoke what apps may do."""
        return f"{self.issuer}/oauth/apps"


def addresses(fhir: str, *, certain: bool = True) -> Addresses:
    """The addresses that go with the address of `/fhir`, which a proxy may have put elsewhere."""
    if fhir.endswith("/fhir"):
        return Addresses(fhir.removesuffix("/fhir"), fhir, certain)
    parts = urlsplit(fhir)
    return Addresses(f"{parts.scheme}://{parts.netloc}", fhir, certain)
