"""What authorization needs kept for it, and asked of others.

docs/adr/0018-authorization-server.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from smart_auth.clients import Client
from smart_auth.grants import Access, Grant, Held, Kind, Once
from smart_auth.person import Person
from smart_auth.principal import Principal


class Clients(Protocol):
    """The registered apps and services."""

    async def find(self, id: str) -> Client | None:
        """The client with this id, disabled ones too; None when there is none."""
        ...


class People(Protocol):
    """The accounts, as far as tokens need them."""

    async def person(self, id: str) -> Person | None:
        """The person with this account, None when there is none or it is disabled."""
        ...


class Care(Protocol):
    """Whose records people may see."""

    async def sees(self, person: Person, patient: str) -> bool:
        """Whether the person may see the record of the Patient with this id, at this moment."""
        ...


class Grants(Protocol):
    """What was granted, and the credentials that stand for it."""

    async def open(self, grant: Grant, code: Once) -> None:
        """Nothing; the grant is kept, with the code that is to be exchanged for its tokens."""
        ...

    async def held(self, sha256: bytes, kind: Kind, now: datetime) -> Held | None:
        """The code or refresh token, None when it is unknown, has expired, or its grant was revoked."""
        ...

    async def exchange(
        self, spent: bytes, access: Access, refresh: Once | None, now: datetime, grace: timedelta
    ) -> bool:
        """Whether the new tokens are kept in exchange for `spent`, which is spent from here on; of several calls one succeeds.

        A refresh token spends its siblings too, and may come again within `grace` as long as nothing that came of it was
        exchanged: then the new tokens are siblings of those it gave before.
        """
        ...

    async def issue(self, access: Access, now: datetime) -> None:
        """Nothing; a token without a grant is kept."""
        ...

    async def revoke(self, grant: str, now: datetime) -> None:
        """Nothing; no token under the grant is valid from here on."""
        ...

    async def access(self, sha256: bytes, now: datetime) -> tuple[Access, Grant | None] | None:
        """A valid access token with its grant, None for any other."""
        ...

    async def forget(self, sha256: bytes) -> None:
        """Nothing; the access token is not valid from here on."""
        ...


class Replays(Protocol):
    """The assertions that were used, shared by all workers."""

    async def first(self, client: str, jti: str, until: datetime, now: datetime) -> bool:
        """Whether this is the first use of `jti` by the client, which is remembered `until` then."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it was fetched: its bytes, and for how many seconds its publisher lets it be kept."""

    body: bytes
    max_age: int | None = None


class Fetch(Protocol):
    """How documents that clients publish are had, without being led anywhere that clients have no business."""

    async def json(self, url: str) -> Fetched:
        """The JSON document at `url`. Raises FetchFailed."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of this server; `private` is its JWK, None once it only serves to check what it signed before."""

    kid: str
    algorithm: str
    public: Mapping[str, object]
    private: Mapping[str, object] | None


class Bearers(Protocol):
    """Who holds an access token, as their rights are at this moment."""

    async def holder(self, sha256: bytes) -> Principal | None:
        """The caller whom the token stands for; None when it is unknown, has ended, or whoever granted it may not any more."""
        ...


class SigningKeys(Protocol):
    """The keys that id_tokens are signed with, shared by all workers."""

    async def keys(self) -> Sequence[SigningKey]:
        """Every key whose signatures may still be checked, the newest first."""
        ...


class Resources(Protocol):
    """Which types there are, and which filters of scopes are understood."""

    def is_type(self, name: str) -> bool:
        """Whether `name` is a type of resource."""
        ...

    def filters(self, type: str, parameter: str, value: str) -> bool:
        """Whether resources of the type can be told apart by this parameter and value, in every access."""
        ...
