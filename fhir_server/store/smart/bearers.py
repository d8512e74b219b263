"""Who holds an access token: their rights as they are now, in one statement.

https://www.rfc-editor.org/rfc/rfc6750

The token, its grant, the app and the person's account are looked at in every request, so that whatever is revoked or
disabled holds at the next one, in every worker. What requests ask in one moment is asked together.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from psycopg.rows import TupleRow

from fhir_server.store.database import Database
from fhir_server.store.gather import Gathering
from smart_auth.granting import AUDIT
from smart_auth.principal import Principal
from smart_auth.scopes import scope
from smart_auth.users import Practitioners, reach

_HOLDERS: Final = """
SELECT t.sha256, t.client, t.scopes, c.administration, g.user_id, g.patient,
       a.role, a.fhir_user, a.proxies, a.organizations, a.auditor
  FROM oauth_access t JOIN oauth_client c ON c.id = t.client
  LEFT JOIN oauth_grant g ON g.id = t.grant_id LEFT JOIN account a ON a.id = g.user_id
 WHERE t.sha256 = ANY(%s) AND t.expires_at > clock_timestamp() AND c.disabled_at IS NULL
   AND (t.grant_id IS NULL OR (g.revoked_at IS NULL AND a.id IS NOT NULL AND a.disabled_at IS NULL))"""

_Said: TypeAlias = tuple[object, ...]


class Bearers:
    """Implements `smart_auth.ports.Bearers`; `practitioners` see everyone, or their own patients."""

    __slots__ = ("_asked", "_database", "_practitioners")

    def __init__(self, database: Database, practitioners: Practitioners) -> None:
        self._database = database
        self._practitioners = practitioners
        self._asked: Gathering[bytes, _Said | None] = Gathering(self._find)

    async def holder(self, sha256: bytes) -> Principal | None:
        """The caller whom the token stands for; None when it is unknown, has ended, or whoever granted it may not any more."""
        said = await self._asked.add(sha256)
        return None if said is None else _principal(self._practitioners, *said)

    async def _find(self, asked: Sequence[bytes]) -> list[_Said | None]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(_HOLDERS, (list(set(asked)),))
            found = {row[0]: _said(row) for row in await cursor.fetchall()}
        return [found.get(each) for each in asked]


def _said(row: TupleRow) -> _Said:
    """What a principal is made of, as a key under which it is kept."""
    return tuple(tuple(each) if isinstance(each, list) else each for each in row[1:])


@lru_cache(maxsize=4096)
def _principal(
    practitioners: Practitioners,
    client: str,
    scopes: tuple[str, ...],
    administration: bool,
    user: str | None,
    patient: str | None,
    role: str | None,
    fhir_user: str | None,
    proxies: tuple[str, ...] | None,
    organizations: tuple[str, ...] | None,
    auditor: bool | None,
) -> Principal | None:
    """The caller, the same object for the same rights; None for an app on behalf of a patient that is not theirs any more."""
    if user is None:
        told = any(found is not None and found.resource_type == AUDIT for found in map(scope, scopes))
        return Principal(f"client:{client}", frozenset(scopes), client, administrator=False, auditor=told)
    whom = reach(role or "", fhir_user, proxies or (), organizations or (), practitioners)
    if role == "patient" and patient is not None and patient not in getattr(whom, "ids", ()):
        return None
    return Principal(
        subject=f"user:{user}",
        scopes=frozenset(scopes),
        client=client,
        user=user,
        fhir_user=fhir_user,
        patient=patient,
        reach=whom,
        administrator=administration and role == "admin",
        auditor=bool(auditor),
    )
