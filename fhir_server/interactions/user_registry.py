"""People with an account: added, described, given another password, disabled; for administrators.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server import clock
from fhir_server.clock import instant
from fhir_server.errors import Conflict, InvalidRequest, NotFound
from fhir_server.json import JsonObject
from fhir_server.store.database import Database
from fhir_server.store.smart.users import Accounts
from smart_auth import users
from smart_auth.passwords import Passwords, PasswordUnfit
from smart_auth.users import NameTaken, NewUser, User, UserMissing, UserRefused


async def add(database: Database, new: NewUser, password: str | None = None) -> tuple[User, str | None]:
    """The new user with the one-time password for the first login, or None where they have `password`.

    Raises InvalidRequest for what cannot be, Conflict for a name that is taken.
    """
    with _translated():
        return await users.add(Accounts(database), Passwords(), new, clock.now(), password)


async def listed(database: Database, *, after: str = "", limit: int | None = None) -> list[User]:
    """The users by name, from the one after `after`; all of them without a limit."""
    return await Accounts(database).listed(after, limit)


async def found(database: Database, name: str) -> User:
    """The user of that name. Raises NotFound."""
    with _translated():
        return await users.found(Accounts(database), name)


async def describe(database: Database, new: NewUser) -> User:
    """The user, of whom holds what `new` says and nothing else. Raises NotFound, InvalidRequest for what cannot be."""
    with _translated():
        return await users.describe(Accounts(database), new)


async def reset(database: Database, name: str) -> tuple[User, str]:
    """The user, logged out everywhere, and the one-time password for their next login. Raises NotFound."""
    with _translated():
        return await users.reset(Accounts(database), Passwords(), name, clock.now())


async def disable(database: Database, name: str) -> User:
    """The user, who is logged out and may not log in; no app may act for them. Raises NotFound."""
    with _translated():
        return await users.disable(Accounts(database), name, clock.now())


async def enable(database: Database, name: str) -> User:
    """The user, who may log in again. Raises NotFound."""
    with _translated():
        return await users.enable(Accounts(database), name)


async def revoke_apps(database: Database, name: str) -> User:
    """The user, for whom no app may do anything until they agree anew. Raises NotFound."""
    with _translated():
        return await users.revoke_apps(Accounts(database), name)


def user_view(user: User) -> JsonObject:
    """The user as administrators are shown them; never a password."""
    return {
        "name": user.name,
        "id": user.id,
        "role": user.role,
        "auditor": user.auditor,
        "fhir_user": user.fhir_user,
        "proxies": [f"Patient/{each}" for each in sorted(user.proxies)],
        "organizations": [f"Organization/{each}" for each in sorted(user.organizations)],
        "status": "active" if user.disabled_at is None else "disabled",
        "made": None if user.made_at is None else instant(user.made_at),
        "one_time_password_until": None if user.password_until is None else instant(user.password_until),
    }


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except UserRefused as error:
        raise InvalidRequest(str(error), error.member) from error
    except PasswordUnfit as error:
        raise InvalidRequest(str(error), "password") from error
    except UserMissing as error:
        raise NotFound(str(error)) from error
    except NameTaken as error:
        raise Conflict(str(error)) from error
