"""A record of the audit: who did what, on what, from where, and what came of it; never a clinical or a query's value.

https://hl7.org/fhir/R4/auditevent.html

When it was kept, and its id, are the store's to say.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["rest", "user", "token", "ingest", "administration", "notification"]
"""Whether it was an interaction of R4, something about a login, about a token or an app, a device's reading, the work of
an administrator, at `/api` or with a command, or what a subscriber was told."""

Outcome: TypeAlias = Literal[0, 4, 8, 12]
"""As HTTP answers 2xx or 3xx, 4xx, 5xx, and where the whole server was hit.

https://hl7.org/fhir/R4/valueset-audit-event-outcome.html
"""

SUCCESS: Final = 0
REFUSED: Final = 4
FAILED: Final = 8


class Origin(NamedTuple):
    """Where a request came from: the address of who sent it, behind proxies that are trusted, and its X-Request-Id."""

    address: str | None = None
    request_id: str = ""


class Agent(NamedTuple):
    """Who did it: `subject` names them for good (`user:…`, `client:…`, `device:…`, `command`, `server`), empty is nobody known.

    `client` is the app, `user` the person, `who` the resource that stands for them (`Practitioner/1`, `Device/2`).
    """

    subject: str = ""
    client: str | None = None
    user: str | None = None
    who: str | None = None


NOBODY: Final = Agent()


class Record(NamedTuple):
    """One thing that happened. `action` names it: R4's code of an interaction, `login`, `token`, `device-rotate`.

    `type`, `id` and `version` are of the resource, or of what else it was done to (`Client`, `User`); `patient` is the id of
    the one Patient it was about, as far as that is known. `name` says more than the action does (`$everything`), `types` which
    types of resource a search was asked for, `parameters` the names of its parameters. `reason` is a short code for what came
    of it: the HTTP status, or an error's name. Of a notification `events` are the numbers of its events (`3`, `3-7`), and
    `destination` says where it went: `https://host`.
    """

    kind: Kind
    action: str
    outcome: Outcome
    agent: Agent = NOBODY
    origin: Origin = Origin()
    type: str = ""
    id: str = ""
    version: int | None = None
    patient: str | None = None
    name: str = ""
    types: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    reason: str = ""
    events: str = ""
    destination: str = ""


def outcome(status: int) -> Outcome:
    """The outcome of what HTTP answers with `status`."""
    if status < 400:
        return SUCCESS
    return REFUSED if status < 500 else FAILED
