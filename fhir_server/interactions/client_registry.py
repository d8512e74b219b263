"""Apps and services that may ask for tokens: registered, changed, given new secrets, disabled; for administrators.

https://www.rfc-editor.org/rfc/rfc7591#section-2
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from fhir_server.errors import Conflict, InvalidRequest, NotFound
from fhir_server.json import JsonObject
from fhir_server.outbound import Network, Outbound, OutboundError
from fhir_server.search.served_resources import ServedResources
from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from smart_auth import registration
from smart_auth.clients import Client, ClientTaken
from smart_auth.registration import ClientRefused
from smart_auth.tokens import sha256, token


class ClientRegistry:
    """The registered clients; those with keys elsewhere publish them where this server may ask, or within `allowed`."""

    def __init__(self, database: Database, allowed: tuple[Network, ...] = ()) -> None:
        self._clients = Clients(database)
        self._outbound = Outbound(allowed)

    async def add(self, client: Client) -> tuple[Client, str | None]:
        """The client with its secret, None for one that has none; an id is made for one without.

        Raises InvalidRequest for what cannot be, Conflict for an id that is taken.
        """
        with _translated():
            new = self._checked(replace(client, id=client.id or registration.new_id()))
            secret = token("secret") if new.authentication == "client_secret_basic" else None
            new = replace(new, secrets=() if secret is None else (sha256(secret),))
            await self._clients.add(new)
        return new, secret

    async def listed(self, *, after: str = "", limit: int = 1_000) -> list[Client]:
        """The clients by id, from the one after `after`."""
        return await self._clients.listed(after, limit)

    async def found(self, id: str) -> Client:
        """The client with this id. Raises NotFound."""
        client = await self._clients.find(id)
        if client is None:
            raise NotFound(f"There is no client {id[:80]!r}. `fhir-server client list` names them all.")
        return client

    async def describe(self, client: Client) -> Client:
        """The client, of whom holds what `client` says and nothing else, but how it proves itself.

        Raises NotFound, InvalidRequest for what cannot be.
        """
        known = await self.found(client.id)
        with _translated():
            if client.authentication != known.authentication or client.backend != known.backend:
                raise ClientRefused(
                    "authentication", "What kind of client it is stays. Register another client."
                )
            new = self._checked(replace(client, disabled=known.disabled, secrets=known.secrets))
            await self._clients.change(new)
        return new

    async def renew_secret(self, id: str, overlap: timedelta) -> tuple[Client, str]:
        """The client and its new secret; the ones before hold for `overlap` more. Raises NotFound, InvalidRequest."""
        client = await self.found(id)
        if client.authentication != "client_secret_basic":
            raise InvalidRequest(f"{id} has no secret: it proves itself by {client.authentication}.", "id")
        secret = token("secret")
        await self._clients.add_secret(id, sha256(secret), overlap)
        return client, secret

    async def disable(self, id: str) -> Client:
        """The client, no token of which holds from the next request on. Raises NotFound."""
        return await self._switched(id, disabled=True)

    async def enable(self, id: str) -> Client:
        """The client, which may ask for tokens again. Raises NotFound."""
        return await self._switched(id, disabled=False)

    async def revoke_grants(self, id: str) -> Client:
        """The client, which holds nothing any more that anybody granted it. Raises NotFound."""
        client = await self.found(id)
        await self._clients.revoke_grants(id)
        return client

    async def _switched(self, id: str, *, disabled: bool) -> Client:
        client = replace(await self.found(id), disabled=disabled)
        await self._clients.switch(id, disabled=disabled)
        return client

    def _checked(self, client: Client) -> Client:
        return registration.checked(client, ServedResources(), self._why_not)

    def _why_not(self, url: str) -> str | None:
        try:
            self._outbound.check(url)
        except OutboundError as error:
            return str(error)
        return None


def client_view(client: Client) -> JsonObject:
    """The client as administrators are shown it; never a secret."""
    return {
        "id": client.id,
        "name": client.name,
        "authentication": client.authentication,
        "backend": client.backend,
        "scopes": list(client.scopes),
        "redirect_uris": list(client.redirect_uris),
        "launch_url": client.launch_url,
        "jwks": _tree(client.jwks),
        "jwks_uri": client.jwks_uri,
        "native": client.native,
        "administration": client.administration,
        "introspects": client.introspects,
        "status": "disabled" if client.disabled else "active",
    }


def _tree(jwks: Mapping[str, object] | None) -> JsonObject | None:
    return None if jwks is None else dict(jwks)  # type: ignore[arg-type]  # it came as JSON


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientRefused as error:
        raise InvalidRequest(str(error), error.member) from error
    except ClientTaken as error:
        raise Conflict(str(error)) from error
