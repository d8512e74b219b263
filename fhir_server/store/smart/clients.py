"""Apps and services that may ask for tokens, in the database.

https://www.rfc-editor.org/rfc/rfc7591#section-2
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.store.database import Database
from smart_auth.clients import Client, ClientTaken

_COLUMNS: Final = """
c.id, c.name, c.authentication, c.scopes, c.backend, c.redirect_uris, c.launch_url,
ARRAY(SELECT s.sha256 FROM oauth_client_secret s
       WHERE s.client = c.id AND (s.valid_until IS NULL OR s.valid_until > clock_timestamp())),
c.jwks, c.jwks_uri, c.native, c.administration, c.introspects, c.disabled_at IS NOT NULL"""
_FIND: Final = f"SELECT {_COLUMNS} FROM oauth_client c WHERE c.id = %s"
_LIST: Final = f"SELECT {_COLUMNS} FROM oauth_client c WHERE c.id > %s ORDER BY c.id LIMIT %s"
_ADD: Final = """
WITH added AS (
  INSERT INTO oauth_client (id, name, authentication, scopes, backend, redirect_uris, launch_url, jwks, jwks_uri,
                            native, administration, introspects)
  VALUES (%(id)s, %(name)s, %(authentication)s, %(scopes)s, %(backend)s, %(redirect_uris)s, %(launch_url)s, %(jwks)s,
          %(jwks_uri)s, %(native)s, %(administration)s, %(introspects)s)
  RETURNING id)
INSERT INTO oauth_client_secret (sha256, client) SELECT secret, id FROM added, unnest(%(secrets)s::bytea[]) AS secret"""
_CHANGE: Final = """
UPDATE oauth_client SET name = %(name)s, authentication = %(authentication)s, scopes = %(scopes)s, backend = %(backend)s,
       redirect_uris = %(redirect_uris)s, launch_url = %(launch_url)s, jwks = %(jwks)s, jwks_uri = %(jwks_uri)s,
       native = %(native)s, administration = %(administration)s, introspects = %(introspects)s
 WHERE id = %(id)s"""
_SWITCH: Final = """
UPDATE oauth_client SET disabled_at = CASE WHEN %s THEN coalesce(disabled_at, clock_timestamp()) END WHERE id = %s"""
_REVOKE_GRANTS: Final = """
WITH forgotten AS (DELETE FROM app_consent WHERE client = %(id)s),
     own AS (DELETE FROM oauth_access WHERE client = %(id)s AND grant_id IS NULL)
UPDATE oauth_grant SET revoked_at = clock_timestamp() WHERE client = %(id)s AND revoked_at IS NULL"""
_RENEW: Final = """
WITH old AS (
  UPDATE oauth_client_secret SET valid_until = least(valid_until, clock_timestamp() + %(keep)s)
   WHERE client = %(client)s AND (valid_until IS NULL OR valid_until > clock_timestamp()))
INSERT INTO oauth_client_secret (sha256, client) VALUES (%(sha256)s, %(client)s)"""
_ORIGINS: Final = "SELECT DISTINCT unnest(redirect_uris) FROM oauth_client WHERE disabled_at IS NULL"


class Clients:
    """The registered clients; implements `smart_auth.ports.Clients`."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, id: str) -> Client | None:
        """The client with this id, disabled ones too; None when there is none."""
        if "\0" in id:
            return None
        async with self._database.connection() as connection:
            row = await (await connection.execute(_FIND, (id,))).fetchone()
        return None if row is None else _client(row)

    async def listed(self, after: str, limit: int) -> list[Client]:
        """The clients by id, from the one after `after`."""
        async with self._database.connection() as connection:
            return [_client(row) async for row in await connection.execute(_LIST, (after, limit))]

    async def add(self, client: Client) -> None:
        """Nothing; the client is registered, with its secrets. Raises ClientTaken."""
        async with self._database.connection() as connection:
            try:
                await connection.execute(_ADD, _said(client))
            except UniqueViolation as error:
                raise ClientTaken(f"There is a client {client.id!r} already. Choose another id.") from error

    async def change(self, client: Client) -> None:
        """Nothing; from the next request on the client is as `client` says, all but its secrets and whether it is disabled."""
        async with self._database.connection() as connection:
            await connection.execute(_CHANGE, _said(client))

    async def switch(self, client: str, *, disabled: bool) -> None:
        """Nothing; from the next request on no token of the client holds, or those of before do again."""
        async with self._database.connection() as connection:
            await connection.execute(_SWITCH, (disabled, client))

    async def revoke_grants(self, client: str) -> None:
        """Nothing; from the next request on no token of the client holds, and people are asked anew."""
        async with self._database.connection() as connection:
            await connection.execute(_REVOKE_GRANTS, {"id": client})

    async def add_secret(self, client: str, sha256: bytes, keep_old: timedelta) -> None:
        """Nothing; the secret holds at once, those before for `keep_old` more."""
        async with self._database.connection() as connection:
            await connection.execute(_RENEW, {"client": client, "sha256": sha256, "keep": keep_old})

    async def redirect_uris(self) -> Sequence[str]:
        """Every address that a client may be answered at, where browsers may call from."""
        async with self._database.connection() as connection:
            return [uri async for (uri,) in await connection.execute(_ORIGINS)]


def _client(row: TupleRow) -> Client:
    id, name, authentication, scopes, backend, redirect_uris, launch_url, secrets, *rest = row
    return Client(
        id,
        name,
        authentication,
        tuple(scopes),
        backend,
        tuple(redirect_uris),
        launch_url,
        tuple(secrets),
        *rest,
    )


def _said(client: Client) -> dict[str, object]:
    return {
        "id": client.id,
        "name": client.name,
        "authentication": client.authentication,
        "scopes": list(client.scopes),
        "backend": client.backend,
        "redirect_uris": list(client.redirect_uris),
        "launch_url": client.launch_url,
        "secrets": list(client.secrets),
        "jwks": None if client.jwks is None else Jsonb(dict(client.jwks)),
        "jwks_uri": client.jwks_uri,
        "native": client.native,
        "administration": client.administration,
        "introspects": client.introspects,
    }
