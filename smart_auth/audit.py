"""What an audit must be told of logins, tokens and grants: by whoever decides, before the answer.

https://www.hl7.org/fhir/R4/security.html#audit
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Action: TypeAlias = Literal[
    "login",
    "logout",
    "authorize",  # a person granted an app what it asked for, or did not
    "token",  # a token was issued, or not: the code, the refresh token or the assertion did not hold
    "refresh",
    "introspect",
    "revoke",
    "register",
    "launch",
    "choose",  # a person was shown patients, or encounters, to choose one from
    "denied",  # a bearer token that is not valid, or does not suffice
    "user-create", "user-update", "user-delete",
    "client-create", "client-update", "client-delete", "client-rotate",
    "key-create", "key-rotate", "key-delete",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One of them. `subject` is who it was, as in Principal; `reason` the error's code (`invalid_grant`) where it failed.

    `client` and `user` are ids, `fhir_user` the person's resource, `patient` the id of the Patient in context; `about` is what
    an administrator changed (`client:…`, `user:…`). No secret, no token, no password, and no name that somebody typed in
    who then was not let in.
    """

    action: Action
    succeeded: bool
    subject: str = ""
    client: str | None = None
    user: str | None = None
    fhir_user: str | None = None
    patient: str | None = None
    about: str | None = None
    reason: str = ""


class Recorder(Protocol):
    """What one request notes while it is served; whoever answers keeps the notes first, and fails when that fails."""

    def note(self, event: Event) -> None:
        """Nothing; to be called from any thread."""
        ...
