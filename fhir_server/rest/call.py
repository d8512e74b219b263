"""A request that was understood and let in: all that an interaction needs to serve it.

https://hl7.org/fhir/R4/http.html#summary
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fhir_server.audit.trail import Trail
from fhir_server.errors import AuthenticationFailed, RequestError, TokenRejected, TooCostly
from fhir_server.operations.background import Background
from fhir_server.rest.answer import Answer
from fhir_server.rest.asgi import Receive
from fhir_server.rest.preferences import Preferences
from fhir_server.rest.request import Request
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.store.gather import Gather
from fhir_server.store.predicate import Predicate
from fhir_server.subscriptions.registrar import Registrar
from fhir_server.subscriptions.stream import Followers
from smart_auth.errors import CredentialsRejected, SmartAuthError
from smart_auth.principal import Principal
from terminology.service import TerminologyService

if TYPE_CHECKING:
    from fhir_server.rest.interaction import Interaction
    from fhir_server.rest.refusals import FewRefusals
    from fhir_server.rest.routing import Routes
    from fhir_server.rest.streams.open_streams import Streams
    from fhir_server.rest.streams.subscription_judges import Judges


class Authenticator(Protocol):
    """Who says who a caller is."""

    async def authenticate(self, authorization_header: str | None) -> Principal:
        """The caller; raises a SmartAuthError when they did not prove who they are, TooOften beyond their rate."""
        ...


class TooOften(TooCostly):
    """A caller who proved who they are, the `principal`, asks more often than they may."""

    def __init__(self, principal: Principal, why: TooCostly) -> None:
        super().__init__(str(why), retry_after=why.retry_after)
        self.principal = principal


def refused_caller(error: RequestError) -> Principal | None:
    """Who was refused, where they proved that before they were: for the audit."""
    return error.principal if isinstance(error, TooOften) else None


def unproved(error: SmartAuthError) -> AuthenticationFailed:
    """What to raise for a caller who did not prove who they are, with a token that does not hold or without one."""
    kind = TokenRejected if isinstance(error, CredentialsRejected) else AuthenticationFailed
    return kind(str(error))


@dataclass(frozen=True, slots=True)
class House:
    """What every request is served with, put together once by `app.py`; `incoming` is where large contents wait.

    `signing_secret` gives the secret that notifications of a Subscription are signed with, by its id.
    """

    settings: Settings
    database: Database
    gather: Gather
    authenticator: Authenticator
    audit: "FewRefusals"
    cursor_key: bytes
    terminology: TerminologyService
    capabilities: Callable[[str], Answer]
    routes: "Routes"
    background: Background
    incoming: Path
    registrar: Registrar
    signing_secret: Callable[[str], str]
    streams: "Streams"
    followers: Followers
    judges: "Judges"


class Target(NamedTuple):
    """The interaction asked for, and on what: a part that the path does not have is empty.

    `compartment` is the type of the resource `id` whose compartment is searched, for resources of `type`.
    """

    interaction: "Interaction"
    type: str = ""
    id: str = ""
    version: str = ""
    compartment: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way into an interaction.

    `body` is empty where the interaction takes none, and for the content of a Binary, which is still to be received.
    """

    request: Request
    target: Target
    preferences: Preferences
    principal: Principal
    access: Predicate
    body: bytes
    house: House
    receive: Receive
    trail: Trail


Serve = Callable[[Call], Awaitable[Answer]]
