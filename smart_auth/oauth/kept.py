"""What the endpoints work with: the ports, and how long tokens live.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from smart_auth.client_keys import ClientKeys
from smart_auth.ports import Care, Clients, Grants, People, Replays, Resources, SigningKeys

BACKEND_LIFE: Final = timedelta(minutes=5)
ID_TOKEN_LIFE: Final = timedelta(hours=1)
ONLINE_LIFE: Final = timedelta(days=1)
"""A refresh token that ends with its session is not kept longer than sessions are."""


@dataclass(frozen=True, slots=True)
class Lives:
    """How long tokens live that are not revoked: access tokens of people's apps, and refresh tokens that are not used.

    For the time of `grace` after its use a refresh token is taken again, as lost answers and two refreshes at once make it,
    unless what came of it was used.
    """

    access: timedelta = timedelta(hours=1)
    refresh: timedelta = timedelta(days=90)
    grace: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Kept:
    """The ports, put together once."""

    clients: Clients
    people: People
    care: Care
    grants: Grants
    replays: Replays
    client_keys: ClientKeys
    signing_keys: SigningKeys
    resources: Resources
    lives: Lives
