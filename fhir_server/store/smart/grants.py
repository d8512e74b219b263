"""What was granted to apps, and the hashes of the codes and tokens that stand for it.

https://www.rfc-editor.org/rfc/rfc9700#section-4.14

A code or refresh token is spent by the statement that keeps the new tokens, while its grant is locked: of two that race the
second finds it spent. What one refresh token gave, in one answer or in several, is spent by the first of it that is used, all
at the same moment; so a token that came again is told from a lost answer by whether anything was spent later than it.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.store.database import Connection, Database
from smart_auth.grants import Access, Grant, Held, Kind, Once

_GRANT: Final = """
g.id, g.client, g.user_id, g.scopes, g.granted_at, g.auth_time, g.fhir_user, g.patient, g.encounter, g.context, g.nonce,
g.session"""
HOLDERS: Final = """
  FROM oauth_access t JOIN oauth_client c ON c.id = t.client
  LEFT JOIN oauth_grant g ON g.id = t.grant_id LEFT JOIN account a ON a.id = g.user_id"""
HOLDS: Final = """
  c.disabled_at IS NULL
  AND (t.grant_id IS NULL
       OR (g.revoked_at IS NULL AND a.id IS NOT NULL AND a.disabled_at IS NULL
           AND (g.session IS NULL
                OR EXISTS (SELECT FROM login_session s WHERE s.id = g.session AND s.ends_at > clock_timestamp()))
           AND (g.patient IS NULL
                OR CASE a.role WHEN 'patient' THEN g.patient = ANY(a.proxies) OR 'Patient/' || g.patient = a.fhir_user
                   ELSE starts_with(a.fhir_user, 'Practitioner/') END)))"""
"""An access token of an app that is not disabled, and of a person who still may what they granted and is here if they must be.

Whether a practitioner's patient is still in their care is a part of what the token shows (fhir_server/search/access.py)."""

_OPEN: Final = """
WITH opened AS (
  INSERT INTO oauth_grant (id, client, user_id, scopes, granted_at, auth_time, fhir_user, patient, encounter, context,
                           nonce, session)
  VALUES (%(id)s, %(client)s, %(user)s, %(scopes)s, %(granted_at)s, %(auth_time)s, %(fhir_user)s, %(patient)s,
          %(encounter)s, %(context)s, %(nonce)s, %(session)s)
  RETURNING id)
INSERT INTO oauth_once (sha256, kind, grant_id, redirect_uri, challenge, expires_at)
SELECT %(sha256)s, %(kind)s, id, %(redirect_uri)s, %(challenge)s, %(expires_at)s FROM opened"""
_HELD: Final = f"""
SELECT o.sha256, o.kind, o.expires_at, o.redirect_uri, o.challenge, o.spent_at, {_GRANT}
  FROM oauth_once o JOIN oauth_grant g ON g.id = o.grant_id
 WHERE o.sha256 = %(sha256)s AND o.kind = %(kind)s AND (o.expires_at > %(now)s OR o.spent_at IS NOT NULL)
   AND g.revoked_at IS NULL
   AND (g.session IS NULL OR EXISTS (SELECT FROM login_session s WHERE s.id = g.session AND s.ends_at > %(now)s))"""
_LOCK: Final = """
SELECT FROM oauth_grant WHERE id = (SELECT grant_id FROM oauth_once WHERE sha256 = %(spent)s) FOR UPDATE"""
_EXCHANGE: Final = """
WITH spent AS (
  SELECT o.grant_id, o.sha256, o.spent_at IS NULL AS first FROM oauth_once o JOIN oauth_grant g ON g.id = o.grant_id
   WHERE o.sha256 = %(spent)s AND g.revoked_at IS NULL
     AND CASE WHEN o.spent_at IS NULL THEN o.expires_at > %(now)s
         ELSE o.kind = 'refresh' AND greatest(%(now)s, o.spent_at) < o.spent_at + %(grace)s
              AND NOT EXISTS (SELECT FROM oauth_once later WHERE later.grant_id = o.grant_id
                               AND later.kind = 'refresh' AND later.spent_at > o.spent_at) END),
family AS (
  UPDATE oauth_once o SET spent_at = %(now)s FROM spent
   WHERE spent.first AND o.grant_id = spent.grant_id AND o.spent_at IS NULL
     AND (o.kind = 'refresh' OR o.sha256 = spent.sha256)),
used AS (UPDATE oauth_grant SET last_used_at = %(now)s WHERE id IN (SELECT grant_id FROM spent)),
access AS (
  INSERT INTO oauth_access (sha256, client, grant_id, scopes, issued_at, expires_at)
  SELECT %(access)s, %(client)s, grant_id, %(scopes)s, %(issued_at)s, %(access_until)s FROM spent),
refresh AS (
  INSERT INTO oauth_once (sha256, kind, grant_id, expires_at)
  SELECT %(refresh)s, 'refresh', grant_id, %(refresh_until)s FROM spent WHERE %(refresh)s::bytea IS NOT NULL)
SELECT count(*) FROM spent"""
_ISSUE: Final = """
INSERT INTO oauth_access (sha256, client, scopes, issued_at, expires_at)
VALUES (%(access)s, %(client)s, %(scopes)s, %(issued_at)s, %(access_until)s)"""
_REVOKE: Final = "UPDATE oauth_grant SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL"
_ACCESS: Final = f"""
SELECT t.client, t.scopes, t.issued_at, t.expires_at, {_GRANT} {HOLDERS}
 WHERE t.sha256 = %(sha256)s AND t.expires_at > %(now)s AND {HOLDS}"""
_FORGET: Final = "DELETE FROM oauth_access WHERE sha256 = %s"
_SWEEP: Final = """
WITH codes AS (DELETE FROM oauth_once WHERE sha256 IN (
  SELECT sha256 FROM oauth_once WHERE expires_at < %(now)s - interval '1 day' LIMIT 20 FOR UPDATE SKIP LOCKED))
DELETE FROM oauth_access WHERE sha256 IN (
  SELECT sha256 FROM oauth_access WHERE expires_at < %(now)s LIMIT 20 FOR UPDATE SKIP LOCKED)"""
"""What has ended goes a little at a time, faster than it comes; of a code it is known for a day that it was used."""
_FORGET_GRANTS: Final = """
WITH looked AS MATERIALIZED (SELECT id FROM oauth_grant WHERE id >= %(from)s ORDER BY id LIMIT 20),
dead AS (
  SELECT g.id FROM oauth_grant g
   WHERE g.id IN (SELECT id FROM looked) AND coalesce(g.revoked_at, g.last_used_at, g.granted_at) < %(before)s
     AND (g.revoked_at IS NOT NULL
          OR NOT EXISTS (SELECT FROM oauth_access t WHERE t.grant_id = g.id AND t.expires_at > %(now)s)
             AND NOT EXISTS (SELECT FROM oauth_once o WHERE o.grant_id = g.id AND o.expires_at > %(now)s
                                                        AND o.spent_at IS NULL))
   FOR UPDATE SKIP LOCKED),
tokens AS (DELETE FROM oauth_access WHERE grant_id IN (SELECT id FROM dead)),
onces AS (DELETE FROM oauth_once WHERE grant_id IN (SELECT id FROM dead))
DELETE FROM oauth_grant WHERE id IN (SELECT id FROM dead)"""
"""Ids of grants are random, and so is where to look: sooner or later all are looked at, by the index of the key."""


class Grants:
    """Implements `smart_auth.ports.Grants`; one under which nothing holds is deleted when it was not used for the time of `keep`."""

    __slots__ = ("_database", "_keep")

    def __init__(self, database: Database, keep: timedelta = timedelta(days=30)) -> None:
        self._database = database
        self._keep = keep

    async def open(self, grant: Grant, code: Once) -> None:
        """Nothing; the grant is kept, with the code that is to be exchanged for its tokens."""
        said = {
            "id": grant.id,
            "client": grant.client,
            "user": grant.user,
            "scopes": list(grant.scopes),
            "granted_at": grant.granted_at,
            "auth_time": grant.auth_time,
            "fhir_user": grant.fhir_user,
            "patient": grant.patient,
            "encounter": grant.encounter,
            "context": Jsonb(dict(grant.context)),
            "nonce": grant.nonce,
            "session": grant.session,
            "sha256": code.sha256,
            "kind": code.kind,
            "redirect_uri": code.redirect_uri,
            "challenge": code.challenge,
            "expires_at": code.expires_at,
        }
        async with self._database.connection() as connection:
            await connection.execute(_OPEN, said)

    async def held(self, sha256: bytes, kind: Kind, now: datetime) -> Held | None:
        """The code or refresh token, None when it is unknown, has expired unused, or its grant was revoked."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_HELD, {"sha256": sha256, "kind": kind, "now": now})
            row = await cursor.fetchone()
        if row is None:
            return None
        digest, of, expires_at, redirect_uri, challenge, spent_at, *grant = row
        return Held(Once(digest, of, expires_at, redirect_uri, challenge), _grant(grant), spent_at)

    async def exchange(
        self, spent: bytes, access: Access, refresh: Once | None, now: datetime, grace: timedelta
    ) -> bool:
        """Whether the new tokens are kept in exchange for `spent`, which is spent from here on; of several calls one succeeds.

        A refresh token spends its siblings too, and may come again within `grace` as long as nothing that came of it was
        exchanged: then the new tokens are siblings of those it gave before.
        """
        said = _said(access) | {
            "spent": spent,
            "now": now,
            "grace": grace,
            "refresh": None if refresh is None else refresh.sha256,
            "refresh_until": None if refresh is None else refresh.expires_at,
        }
        async with self._database.connection() as connection:
            async with connection.transaction():
                await connection.execute(_LOCK, {"spent": spent})
                row = await (await connection.execute(_EXCHANGE, said)).fetchone()
            await self._sweep(connection, now)
        return row is not None and row[0] == 1

    async def issue(self, access: Access, now: datetime) -> None:
        """Nothing; a token without a grant is kept."""
        async with self._database.connection() as connection:
            await connection.execute(_ISSUE, _said(access))
            await self._sweep(connection, now)

    async def _sweep(self, connection: Connection, now: datetime) -> None:
        await connection.execute(_SWEEP, {"now": now})
        said = {"now": now, "before": now - self._keep, "from": str(uuid4())}
        await connection.execute(_FORGET_GRANTS, said)

    async def revoke(self, grant: str, now: datetime) -> None:
        """Nothing; no token under the grant is valid from here on."""
        async with self._database.connection() as connection:
            await connection.execute(_REVOKE, (now, grant))

    async def access(self, sha256: bytes, now: datetime) -> tuple[Access, Grant | None] | None:
        """A valid access token with its grant, None for any other."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_ACCESS, {"sha256": sha256, "now": now})).fetchone()
        if row is None:
            return None
        client, scopes, issued_at, expires_at, *grant = row
        access = Access(sha256, client, tuple(scopes), issued_at, expires_at, grant[0])
        return access, None if grant[0] is None else _grant(grant)

    async def forget(self, sha256: bytes) -> None:
        """Nothing; the access token is not valid from here on."""
        async with self._database.connection() as connection:
            await connection.execute(_FORGET, (sha256,))


def _grant(row: list[object] | TupleRow) -> Grant:
    id, client, user, scopes, *rest = row
    return Grant(id, client, user, tuple(scopes), *rest)  # type: ignore[arg-type]  # the columns of the statement


def _said(access: Access) -> dict[str, object]:
    return {
        "access": access.sha256,
        "client": access.client,
        "scopes": list(access.scopes),
        "issued_at": access.issued_at,
        "access_until": access.expires_at,
    }
