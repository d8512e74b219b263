"""Who may ask how often: passwords and tokens by address, everything that a token lets in to by whom it was given to.

https://www.rfc-editor.org/rfc/rfc9700#section-2; docs/adr/0021-rate-limits.md
"""

from ipaddress import IPv6Address, IPv6Network, ip_address

from fhir_server.errors import TooCostly
from fhir_server.rest.asgi import Scope
from fhir_server.rest.call import Authenticator, TooOften
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.store.rates import Rate, Rates, portioned
from smart_auth.principal import Principal

_PASSWORDS = frozenset({"/oauth/login", "/oauth/password"})
_NETWORK_BITS = 64


class AddressRates:
    """How often an address may ask for what is below `/oauth`, and try passwords."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._rates = Rates(database)
        self._oauth = portioned("oauth", settings.oauth_rate, settings.oauth_burst)
        self._login = Rate("login", settings.login_rate, settings.login_burst)

    async def admit(self, scope: Scope) -> None:
        """Nothing, for one more request to `/oauth`; raises TooCostly beyond its rate, Unavailable."""
        who = address(scope)
        await self._rates.take(self._oauth, who)
        if scope["method"] == "POST" and scope["path"] in _PASSWORDS:
            await self._rates.take(self._login, who)


class RatedCallers:
    """Says who callers are, and refuses those who ask too often: an app for each of its users, a service by itself.

    The operator's own token, and everybody on this machine where authentication is off, ask as often as they like.
    """

    def __init__(self, authenticator: Authenticator, rates: Rates, per_second: float, burst: int) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._rate = portioned("client", per_second, burst)

    async def authenticate(self, authorization_header: str | None) -> Principal:
        """The caller; raises a SmartAuthError when they did not prove who they are, TooOften beyond their rate."""
        principal = await self._authenticator.authenticate(authorization_header)
        if principal.client is not None:
            try:
                await self._rates.take(self._rate, f"{principal.client}|{principal.user or ''}")
            except TooCostly as error:
                raise TooOften(principal, error) from error
        return principal


def address(scope: Scope) -> str:
    """Whom an address is told apart by: itself, or the network of an IPv6 address, which one household or host has whole."""
    client = scope.get("client")
    return network(str(client[0])) if client else "unknown"


def network(address: str) -> str:
    """The address, or that of its network where it is of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, _NETWORK_BITS), strict=False))
