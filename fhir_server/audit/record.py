"""A record of the audit: who did what, on what, from where, and what came of it; never a clinical or a query's value.

https://hl7.org/fhir/R4/auditevent.html
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from fhir_server.clock import now
from fhir_server.ids import uuid7

Kind: TypeAlias = Literal["rest", "user", "token", "ingest", "administration"]
"""Whether it was an interaction of R4 (or `/api`), something about a login, about a token or an app, a device's reading, or the
work of an administrator."""

Outcome: TypeAlias = Literal[0, 4, 8, 12]
"""As HTTP answers 2xx or 3xx, 4xx, 5xx, and where the whole server was hit.

https://hl7.org/fhir/R4/valueset-audit-event-outcome.html
"""

SUCCESS: Final = 0
REFUSED: Final = 4
FAILED: Final = 8
BROKEN: Final = 12


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the address of who sent it, behind proxies that are trusted, and its X-Request-Id."""

    address: str | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who did it: `subject` names them for good (`user:…`, `client:…`, `device:…`, `command`), empty is nobody known.

    `client` is the app, `user` the person, `fhir_user` that person's resource (`Practitioner/1`), `device` the id of a Device.
    """

    subject: str = ""
    client: str | None = None
    user: str | None = None
    fhir_user: str | None = None
    device: str | None = None


NOBODY: Final = Agent()


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened. `action` names it: R4's code of an interaction, `login`, `token`, `device-rotate`.

    `type`, `id` and `version` are of the resource, or of what else it was done to (`Client/…`, `User/…`); `types` those that a
    search asked for; `patient` is the id of the one Patient it was about, as far as that is known. `parameters` are names of
    query parameters. `reason` is a short code for what came of it: the HTTP status, or an error's name.
    """

    kind: Kind
    action: str
    outcome: Outcome
    agent: Agent = NOBODY
    origin: Origin = Origin()
    type: str = ""
    id: str = ""
    version: int | None = None
    types: tuple[str, ...] = ()
    patient: str | None = None
    parameters: tuple[str, ...] = ()
    reason: str = ""
    key: str = field(default_factory=uuid7)
    at: datetime = field(default_factory=now)
