"""People with an account here: who they are, whom they act for, and how they are looked after.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias, get_args

from smart_auth.errors import SmartAuthError
from smart_auth.passwords import Passwords, check, one_time
from smart_auth.person import Person, Role
from smart_auth.principal import CareOf, Everything, Patients, Reach

Practitioners: TypeAlias = Literal["all", "own"]

ONE_TIME_FOR: Final = timedelta(days=7)
"""How long a password lasts that an administrator handed over: enough to log in once and choose another."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@\-]{0,63}")
_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
_LINKS: Final[dict[Role, tuple[str, ...]]] = {
    "admin": ("Practitioner",),
    "practitioner": ("Practitioner",),
    "patient": ("Patient", "RelatedPerson"),
}


class UserRefused(SmartAuthError):
    """What is said of a user cannot be; `member` is what is wrong."""

    def __init__(self, text: str, member: str) -> None:
        super().__init__(text)
        self.member = member


class UserMissing(SmartAuthError):
    """There is no user of that name."""


class NameTaken(SmartAuthError):
    """There is a user of that name already."""


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account.

    `fhir_user` is the resource that they are (`Practitioner/1`); `proxies` are the ids of further Patients whom they stand
    in for, `organizations` those of the Organizations they work for. With a password that lasts until `password_until` only
    they can do nothing but choose another.
    """

    id: str
    name: str
    role: Role
    auditor: bool = False
    fhir_user: str | None = None
    proxies: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    made_at: datetime | None = None
    disabled_at: datetime | None = None
    password_until: datetime | None = None

    @property
    def subject(self) -> str:
        """The name of the user in cursors, tokens and the audit."""
        return f"user:{self.id}"

    @property
    def administrator(self) -> bool:
        """Whether the user looks after the server."""
        return self.role == "admin"

    @property
    def person(self) -> Person:
        """The user as granting sees them."""
        return Person(self.id, self.role, self.fhir_user, self.proxies, self.auditor, self.organizations)

    def reach(self, practitioners: Practitioners) -> Reach | None:
        """Whom scopes at the level of a user act on; None for nobody. `practitioners` see everyone, or their own patients."""
        return reach(self.role, self.fhir_user, self.proxies, self.organizations, practitioners)


@dataclass(frozen=True, slots=True)
class Account:
    """A user, and what their password is held against."""

    user: User
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be: the role, and the references of what they are, whom they stand in for, and whom they work for."""

    name: str
    role: str
    auditor: bool = False
    fhir_user: str | None = None
    proxies: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()


class Accounts(Protocol):
    """Where accounts are kept."""

    async def add(self, user: User, password: str) -> User:
        """The user as kept, under a new id; raises NameTaken."""
        ...

    async def find(self, name: str) -> Account | None:
        """The account of that name."""
        ...

    async def listed(self, after: str, limit: int | None) -> list[User]:
        """The users by name, from the one after `after`; all of them without a limit."""
        ...

    async def change(self, user: User) -> None:
        """Keeps what is said of `user`, all but the password and whether they are disabled."""
        ...

    async def switch(self, user: User, disabled_at: datetime | None) -> None:
        """Keeps since when the user is disabled, or that they are not; who is disabled is logged out everywhere."""
        ...

    async def revoke_apps(self, user: User) -> None:
        """Ends all that apps may do for the user, and forgets what the user agreed to."""
        ...

    async def set_password(self, user: User, password: str, until: datetime | None) -> None:
        """Keeps the hash of another password, and logs the user out everywhere."""
        ...

    async def choose(self, user: User, was: str, password: str) -> bool:
        """Whether it keeps the hash of another, lasting password, and logs the user out everywhere: only while `was` is kept."""
        ...

    async def rehash(self, user: User, was: str, password: str) -> None:
        """Keeps another hash of the same password, as long as `was` is the one that is kept."""
        ...

    async def is_there(self, type: str, id: str) -> bool:
        """Whether there is such a resource here."""
        ...

    async def attempt(self, name: str) -> timedelta | None:
        """None, when somebody may try a password for `name` now, which counts until it was right; else how long to wait."""
        ...

    async def succeeded(self, name: str) -> None:
        """Forgets the attempts for `name`."""
        ...


def reach(
    role: str,
    fhir_user: str | None,
    proxies: Iterable[str],
    organizations: Iterable[str],
    practitioners: Practitioners,
) -> Reach | None:
    """Whom the scopes of a user act on; None for nobody, which is who an administrator without a Practitioner sees."""
    type, _, id = (fhir_user or "").partition("/")
    if role == "patient":
        own = {id} if type == "Patient" else set[str]()
        return Patients(frozenset({*own, *proxies}))
    if type != "Practitioner":
        return None
    return Everything() if practitioners == "all" else CareOf(id, frozenset(organizations))


async def add(
    accounts: Accounts, passwords: Passwords, new: NewUser, now: datetime, password: str | None = None
) -> tuple[User, str | None]:
    """The new user, with the one-time password that they log in with first, or None where they have `password`.

    Raises UserRefused for what cannot be, PasswordUnfit, and NameTaken.
    """
    name = new.name.lower()
    if not _NAME.fullmatch(name):
        raise UserRefused(
            f"{new.name[:80]!r} cannot name a user. Use 1 to 64 letters, digits, `.`, `_`, `@` or `-`.",
            "name",
        )
    user = await _checked(accounts, User("", name, _role(new.role)), new)
    if password is not None:
        check(password, name)
        return await accounts.add(user, await passwords.hashed(password)), None
    made = one_time()
    user = replace(user, password_until=now + ONE_TIME_FOR)
    return await accounts.add(user, await passwords.hashed(made)), made


async def found(accounts: Accounts, name: str) -> User:
    """The user of that name. Raises UserMissing."""
    account = await accounts.find(name.lower()) if _NAME.fullmatch(name.lower()) else None
    if account is None:
        raise UserMissing(f"There is no user {name[:80]!r}. `fhir-server user list` shows them.")
    return account.user


async def describe(accounts: Accounts, new: NewUser) -> User:
    """The user of that name, of whom holds what `new` says and nothing else. Raises UserMissing, UserRefused."""
    user = await _checked(accounts, await found(accounts, new.name), new)
    await accounts.change(user)
    return user


async def disable(accounts: Accounts, name: str, now: datetime) -> User:
    """The user, who is logged out and cannot log in; nor can apps do anything for them. Raises UserMissing."""
    user = await found(accounts, name)
    disabled = replace(user, disabled_at=user.disabled_at or now)
    await accounts.switch(disabled, disabled.disabled_at)
    return disabled


async def enable(accounts: Accounts, name: str) -> User:
    """The user, who may log in again, whatever wrong passwords were tried. Raises UserMissing."""
    enabled = replace(await found(accounts, name), disabled_at=None)
    await accounts.switch(enabled, None)
    await accounts.succeeded(enabled.name)
    return enabled


async def revoke_apps(accounts: Accounts, name: str) -> User:
    """The user, for whom no app may do anything until they agree anew. Raises UserMissing."""
    user = await found(accounts, name)
    await accounts.revoke_apps(user)
    return user


async def reset(accounts: Accounts, passwords: Passwords, name: str, now: datetime) -> tuple[User, str]:
    """The user, logged out everywhere, and the one-time password that they log in with next. Raises UserMissing."""
    user, made = await found(accounts, name), one_time()
    until = now + ONE_TIME_FOR
    await accounts.set_password(user, await passwords.hashed(made), until)
    await accounts.succeeded(user.name)
    return replace(user, password_until=until), made


async def _checked(accounts: Accounts, user: User, new: NewUser) -> User:
    """`user` with what `new` says. Raises UserRefused for what cannot be, or is not here."""
    role = _role(new.role)
    fhir_user = await _linked(accounts, role, new.fhir_user)
    proxies = frozenset([await _there(accounts, each, "Patient", "proxies") for each in new.proxies])
    organizations = frozenset(
        [await _there(accounts, each, "Organization", "organizations") for each in new.organizations]
    )
    if role != "patient" and proxies:
        raise UserRefused(
            "Only who has the role patient stands in for patients. Leave the proxies out.", "proxies"
        )
    if role == "patient" and organizations:
        raise UserRefused(
            "Who has the role patient works for no Organization. Leave them out.", "organizations"
        )
    if (fhir_user or "").startswith("RelatedPerson/") and not proxies:
        raise UserRefused("Name the patients whom a RelatedPerson stands in for.", "proxies")
    return replace(
        user,
        role=role,
        auditor=new.auditor,
        fhir_user=fhir_user,
        proxies=proxies,
        organizations=organizations,
    )


def _role(text: str) -> Role:
    for role in get_args(Role):
        if text == role:
            return role  # type: ignore[no-any-return]  # one of the literals
    raise UserRefused(f"{text[:80]!r} is no role. Choose {', '.join(get_args(Role))}.", "role")


async def _linked(accounts: Accounts, role: Role, reference: str | None) -> str | None:
    if reference is None:
        if role == "admin":
            return None
        raise UserRefused(
            f"Whoever has the role {role} is a {' or a '.join(_LINKS[role])}. Name it, as in {_LINKS[role][0]}/1.",
            "fhir_user",
        )
    type = reference.partition("/")[0]
    if type not in _LINKS[role]:
        raise UserRefused(
            f"{reference[:80]!r} cannot be who has the role {role}. Name a {' or a '.join(_LINKS[role])}.",
            "fhir_user",
        )
    return f"{type}/{await _there(accounts, reference, type, 'fhir_user')}"


async def _there(accounts: Accounts, reference: str, type: str, member: str) -> str:
    """The id in a reference, or id, of a resource that is here."""
    parts = _REFERENCE.fullmatch(reference if "/" in reference else f"{type}/{reference}")
    if parts is None or parts[1] != type:
        raise UserRefused(f"{reference[:80]!r} is no reference such as {type}/1. Correct it.", member)
    if not await accounts.is_there(type, parts[2]):
        raise UserRefused(f"{type}/{parts[2]} is not here. Create it first.", member)
    return parts[2]
