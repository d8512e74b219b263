"""Logging in: a name and a password become a user, slower after each that was wrong.

https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html

The answer and the time it takes are the same for names that are not known.
"""

from datetime import datetime, timedelta

from smart_auth.errors import SmartAuthError
from smart_auth.passwords import Passwords, PasswordUnfit, check
from smart_auth.users import Account, Accounts, User


class LoginRefused(SmartAuthError):
    """The name or the password is wrong, the account is disabled, or its one-time password has ended: nobody is told which.

    For the audit alone, `user` is the id of the account that somebody tried to log in to, where there is one.
    """

    def __init__(self, user: User | None) -> None:
        super().__init__("The user name or the password is wrong.")
        self.user = None if user is None else user.id
        self.subject = "" if user is None else user.subject


class LoginDelayed(SmartAuthError):
    """Too many passwords were tried for a name, known or not; `wait` is how long none is looked at."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Too many passwords were tried for this name.")
        self.wait = wait


async def login(accounts: Accounts, passwords: Passwords, name: str, password: str, now: datetime) -> User:
    """The user whose password it is. Raises LoginRefused and, for a while after several of these, LoginDelayed."""
    account = await _proved(accounts, passwords, name.strip().lower()[:64], password, now)
    if passwords.is_outdated(account.password):
        await accounts.rehash(account.user, account.password, await passwords.hashed(password))
    return account.user


async def choose_password(
    accounts: Accounts, passwords: Passwords, user: User, old: str, new: str, now: datetime
) -> None:
    """Nothing; the user, logged out everywhere, logs in with `new` from now on.

    Raises LoginRefused and LoginDelayed for an `old` that is wrong, or is not theirs any more once `new` is to be kept: an
    administrator's reset wins. PasswordUnfit for a `new` that will not do.
    """
    account = await _proved(accounts, passwords, user.name, old, now)
    check(new, user.name)
    if new == old:
        raise PasswordUnfit("The new password is the old one. Choose another.")
    if not await accounts.choose(user, account.password, await passwords.hashed(new)):
        raise LoginRefused(user)


async def _proved(
    accounts: Accounts, passwords: Passwords, name: str, password: str, now: datetime
) -> Account:
    wait = await accounts.attempt(name)
    if wait is not None:
        raise LoginDelayed(wait)
    account = await accounts.find(name)
    right = await passwords.is_right(password, None if account is None else account.password)
    if account is None or not right or not _may(account.user, now):
        raise LoginRefused(None if account is None else account.user)
    await accounts.succeeded(name)
    return account


def _may(user: User, now: datetime) -> bool:
    return user.disabled_at is None and (user.password_until is None or user.password_until > now)
