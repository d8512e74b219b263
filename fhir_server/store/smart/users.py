"""Accounts of people, in the database.

https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT

Whoever is disabled, or gets another password, is logged out in the same statement.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from psycopg.errors import UniqueViolation

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.ids import uuid7
from fhir_server.store.database import Database
from smart_auth.person import Person
from smart_auth.users import Account, NameTaken, User

_COLUMNS: Final = (
    "id, name, role, auditor, fhir_user, proxies, organizations, made_at, disabled_at, password_until"
)
_ADD: Final = """
INSERT INTO account (id, name, role, auditor, fhir_user, proxies, organizations, password, password_until)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING made_at"""
_FIND: Final = f"SELECT {_COLUMNS}, password FROM account WHERE name = %s"
_LIST: Final = f"SELECT {_COLUMNS} FROM account WHERE name > %s ORDER BY name LIMIT %s"
_PERSON: Final = "SELECT id, role, fhir_user, proxies, auditor, organizations FROM account WHERE id = %s AND disabled_at IS NULL"

# the account first: of two such statements the later waits for it, and sees what the earlier made of it
_LOGGED_OUT: Final = """
gone AS (DELETE FROM login_session WHERE account IN (SELECT id FROM changed WHERE out) RETURNING id),
ended AS (UPDATE oauth_grant SET revoked_at = clock_timestamp()
           WHERE session IN (SELECT id FROM gone) AND revoked_at IS NULL)
SELECT FROM changed"""
_CHANGE: Final = """
UPDATE account SET role = %(role)s, auditor = %(auditor)s, fhir_user = %(fhir_user)s, proxies = %(proxies)s,
       organizations = %(organizations)s
 WHERE id = %(id)s"""
_SWITCH: Final = f"""
WITH changed AS (UPDATE account SET disabled_at = %(disabled_at)s WHERE id = %(id)s
                 RETURNING id, disabled_at IS NOT NULL AS out), {_LOGGED_OUT}"""
_SET_PASSWORD: Final = f"""
WITH changed AS (UPDATE account SET password = %(password)s, password_until = %(until)s
                  WHERE id = %(id)s AND password = coalesce(%(was)s, password) RETURNING id, true AS out), {_LOGGED_OUT}"""
_REVOKE_APPS: Final = """
WITH forgotten AS (DELETE FROM app_consent WHERE account = %(id)s)
UPDATE oauth_grant SET revoked_at = clock_timestamp() WHERE user_id = %(id)s AND revoked_at IS NULL"""
_REHASH: Final = "UPDATE account SET password = %s WHERE id = %s AND password = %s"
_IS_THERE: Final = "SELECT 1 FROM resource WHERE type = %s AND id = %s AND NOT deleted"

FREE_ATTEMPTS: Final = 5
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
_FORGOTTEN_AFTER: Final = timedelta(days=1)

_ATTEMPT: Final = """
INSERT INTO login_attempt AS a (name_sha256, failures, last_at) VALUES (%(name)s, 1, clock_timestamp())
ON CONFLICT (name_sha256) DO UPDATE SET
  last_at = clock_timestamp(),
  failures = CASE WHEN a.last_at < clock_timestamp() - %(forgotten)s THEN 1 ELSE a.failures + 1 END,
  wait_until = CASE WHEN a.last_at >= clock_timestamp() - %(forgotten)s AND a.failures + 1 >= %(free)s
    THEN clock_timestamp() + least(%(first)s * 2 ^ least(a.failures + 1 - %(free)s, 20), %(longest)s) END
WHERE a.wait_until IS NULL OR a.wait_until <= clock_timestamp()
RETURNING 1"""
_WAIT: Final = "SELECT wait_until - clock_timestamp() FROM login_attempt WHERE name_sha256 = %s"
_SUCCEEDED: Final = (
    "DELETE FROM login_attempt WHERE name_sha256 = %(name)s OR last_at < clock_timestamp() - %(forgotten)s"
)


class Accounts:
    """The accounts of people, and the passwords that were tried for their names."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: User, password: str) -> User:
        """The user as kept, under a new id; raises NameTaken."""
        id = uuid7()
        row = (id, user.name, user.role, user.auditor, user.fhir_user, *_groups(user), password)
        async with self._database.connection() as connection:
            try:
                cursor = await connection.execute(_ADD, (*row, user.password_until))
            except UniqueViolation as error:
                raise NameTaken(
                    f"There is a user {user.name!r} already. Choose another name, or reset the password."
                ) from error
            made = await cursor.fetchone()
        return replace(user, id=id, made_at=made[0] if made else None)

    async def find(self, name: str) -> Account | None:
        """The account of that name."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_FIND, (name,))).fetchone()
        return None if row is None else Account(user(row[:-1]), row[-1])

    async def person(self, id: str) -> Person | None:
        """The person with this account; None when there is none, or it is disabled."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_PERSON, (id,))).fetchone()
        if row is None:
            return None
        return Person(row[0], row[1], row[2], frozenset(row[3]), row[4], frozenset(row[5]))

    async def listed(self, after: str, limit: int | None) -> list[User]:
        """The users by name, from the one after `after`; all of them without a limit."""
        async with self._database.connection() as connection:
            return [user(row) async for row in await connection.execute(_LIST, (after, limit))]

    async def change(self, user: User) -> None:
        """Keeps what is said of `user`, all but the password and whether they are disabled."""
        proxies, organizations = _groups(user)
        said = {
            "id": user.id,
            "role": user.role,
            "auditor": user.auditor,
            "fhir_user": user.fhir_user,
            "proxies": proxies,
            "organizations": organizations,
        }
        async with self._database.connection() as connection:
            await connection.execute(_CHANGE, said)

    async def switch(self, user: User, disabled_at: datetime | None) -> None:
        """Keeps since when the user is disabled, or that they are not; who is disabled is logged out everywhere."""
        async with self._database.connection() as connection:
            await connection.execute(_SWITCH, {"id": user.id, "disabled_at": disabled_at})

    async def revoke_apps(self, user: User) -> None:
        """Ends all that apps may do for the user, and forgets what the user agreed to."""
        async with self._database.connection() as connection:
            await connection.execute(_REVOKE_APPS, {"id": user.id})

    async def set_password(self, user: User, password: str, until: datetime | None) -> None:
        """Keeps the hash of another password, and logs the user out everywhere."""
        await self._set_password(user, None, password, until)

    async def choose(self, user: User, was: str, password: str) -> bool:
        """Whether it keeps the hash of another, lasting password, and logs the user out everywhere: only while `was` is kept."""
        return await self._set_password(user, was, password, None)

    async def _set_password(self, user: User, was: str | None, password: str, until: datetime | None) -> bool:
        said = {"id": user.id, "password": password, "until": until, "was": was}
        async with self._database.connection() as connection:
            return (await connection.execute(_SET_PASSWORD, said)).rowcount == 1

    async def rehash(self, user: User, was: str, password: str) -> None:
        """Keeps another hash of the same password, as long as `was` is the one that is kept."""
        async with self._database.connection() as connection:
            await connection.execute(_REHASH, (password, user.id, was))

    async def is_there(self, type: str, id: str) -> bool:
        """Whether there is such a resource here."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_IS_THERE, (RESOURCE_TYPES[type], id))
            return await cursor.fetchone() is not None

    async def attempt(self, name: str) -> timedelta | None:
        """None, when somebody may try a password for `name` now, which counts until it was right; else how long to wait.

        It counts before the password is looked at, so that many at once are not as many tries.
        """
        key = _sha256(name)
        said = {
            "name": key,
            "free": FREE_ATTEMPTS,
            "first": FIRST_WAIT,
            "longest": LONGEST_WAIT,
            "forgotten": _FORGOTTEN_AFTER,
        }
        async with self._database.connection() as connection:
            if await (await connection.execute(_ATTEMPT, said)).fetchone() is not None:
                return None
            row = await (await connection.execute(_WAIT, (key,))).fetchone()
        return timedelta(0) if row is None else max(row[0], timedelta(0))

    async def succeeded(self, name: str) -> None:
        """Forgets the attempts for `name`, and those of days ago for any."""
        async with self._database.connection() as connection:
            await connection.execute(_SUCCEEDED, {"name": _sha256(name), "forgotten": _FORGOTTEN_AFTER})


def user(row: tuple[object, ...]) -> User:
    """The user in a row of the columns id, name, role, auditor, fhir_user, proxies, organizations, made_at and the two ends."""
    id, name, role, auditor, fhir_user, proxies, organizations, made_at, disabled_at, password_until = row
    return User(
        id,  # type: ignore[arg-type]  # the columns of the statement, here and below
        name,  # type: ignore[arg-type]
        role,  # type: ignore[arg-type]
        auditor,  # type: ignore[arg-type]
        fhir_user,  # type: ignore[arg-type]
        frozenset(proxies),  # type: ignore[call-overload]
        frozenset(organizations),  # type: ignore[call-overload]
        made_at,  # type: ignore[arg-type]
        disabled_at,  # type: ignore[arg-type]
        password_until,  # type: ignore[arg-type]
    )


def _groups(user: User) -> tuple[list[str], list[str]]:
    return sorted(user.proxies), sorted(user.organizations)


def _sha256(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
