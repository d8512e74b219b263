"""Who is logged in, in which browser, in the database that all workers share.

https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#session-expiration
"""

from datetime import timedelta
from typing import Final

from fhir_server.ids import uuid7
from fhir_server.store.database import Database
from fhir_server.store.smart.users import user
from smart_auth.sessions import Session
from smart_auth.users import User

_BEGIN: Final = """
WITH swept AS (DELETE FROM login_session WHERE ends_at < clock_timestamp())
INSERT INTO login_session (id, sha256, account, began_at, seen_at, ends_at)
VALUES (%s, %s, %s, clock_timestamp(), clock_timestamp(), clock_timestamp() + %s) RETURNING began_at"""
_RENEW: Final = """
UPDATE login_session SET sha256 = %s, began_at = clock_timestamp(), seen_at = clock_timestamp(),
       ends_at = clock_timestamp() + %s
 WHERE sha256 = %s AND account = %s AND ends_at > clock_timestamp() RETURNING id, began_at"""
_FIND: Final = """
UPDATE login_session s SET seen_at = clock_timestamp() FROM account a
 WHERE s.sha256 = %s AND s.ends_at > clock_timestamp() AND s.seen_at > clock_timestamp() - %s
   AND a.id = s.account AND a.disabled_at IS NULL
RETURNING s.id, s.began_at, a.id, a.name, a.role, a.auditor, a.fhir_user, a.proxies, a.organizations, a.made_at,
          a.disabled_at, a.password_until"""
_END: Final = """
WITH gone AS (DELETE FROM login_session WHERE sha256 = %s RETURNING id)
UPDATE oauth_grant SET revoked_at = clock_timestamp()
 WHERE session IN (SELECT id FROM gone) AND revoked_at IS NULL"""


class Sessions:
    """The browsers in which people are logged in; one left alone for `idle`, or used for `longest`, is not any more."""

    __slots__ = ("_database", "_idle", "_longest")

    def __init__(self, database: Database, *, idle: timedelta, longest: timedelta) -> None:
        self._database = database
        self._idle = idle
        self._longest = longest

    async def begin(self, sha256: bytes, user: User) -> Session:
        """A new session."""
        id = uuid7()
        async with self._database.connection() as connection:
            row = await (await connection.execute(_BEGIN, (id, sha256, user.id, self._longest))).fetchone()
        assert row is not None
        return Session(id, user, row[0])

    async def renew(self, sha256: bytes, user: User, before: bytes) -> Session | None:
        """The session of the secret `before`, under a new one from now on; None unless it is the user's and has not ended."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_RENEW, (sha256, self._longest, before, user.id))
            row = await cursor.fetchone()
        return None if row is None else Session(row[0], user, row[1])

    async def find(self, sha256: bytes) -> Session | None:
        """The session, seen at this moment; None when it ended, was left too long, or its user is disabled."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_FIND, (sha256, self._idle))).fetchone()
        return None if row is None else Session(row[0], user(row[2:]), row[1])

    async def end(self, sha256: bytes) -> None:
        """Ends the session, and with it what apps may do only as long as their user is here."""
        async with self._database.connection() as connection:
            await connection.execute(_END, (sha256,))
