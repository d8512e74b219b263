"""An app opened from within an EHR: what the EHR hands over about it, once, to one app for one user.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from smart_auth.errors import SmartAuthError

VALID_FOR: Final = timedelta(minutes=5)
"""How long an app may take until it comes back with a handle."""

ANNOUNCE: Final = "__announce_launch"
"""The scope by which an EHR that is an app opens others for its user; so written that no later SMART means another by it."""

FINISH_WITHIN: Final = timedelta(minutes=15)
"""How long the user may then take to decide."""

_BYTES: Final = 32


class LaunchRefused(SmartAuthError):
    """A launch handle is unknown, has ended, was used, or was given to another app or another user: nobody is told which."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What the EHR says: `client` and `user` are ids; `context` are the members of the token response beside the first two."""

    client: str
    user: str
    patient: str | None = None
    encounter: str | None = None
    context: Mapping[str, object] = field(default_factory=dict)


class Launches(Protocol):
    """Where launches are kept, by the hash of their handle."""

    async def add(self, sha256: bytes, launch: Launch) -> None:
        """Keeps a launch for as long as a handle is valid."""
        ...

    async def claim(self, sha256: bytes, client: str, user: str, session: str) -> Launch | None:
        """The launch, which belongs to this session from now on; None unless it is that client's and that user's, and unspent."""
        ...

    async def spend(self, sha256: bytes, session: str) -> bool:
        """Whether the launch, which this session claimed, was spent by this very call; it cannot be again."""
        ...


async def announce(launches: Launches, launch: Launch) -> str:
    """The handle of a new launch, which nobody can guess."""
    handle = secrets.token_urlsafe(_BYTES)
    await launches.add(_sha256(handle), launch)
    return handle


async def claim(launches: Launches, handle: str, client: str, user: str, session: str) -> Launch:
    """What the handle stands for. Raises LaunchRefused to any but the app and the user it was made for."""
    launch = await launches.claim(_sha256(handle), client, user, session)
    if launch is None:
        raise LaunchRefused("The launch is not valid any more, or not for this app and user.")
    return launch


async def spend(launches: Launches, handle: str, session: str) -> None:
    """Nothing, once: the code that follows is the only one. Raises LaunchRefused."""
    if not await launches.spend(_sha256(handle), session):
        raise LaunchRefused("The launch was used already, or took too long.")


def _sha256(handle: str) -> bytes:
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).digest()
