"""What a person granted an app, and what stands for it: a code, access tokens, refresh tokens.

https://www.rfc-editor.org/rfc/rfc6749#section-1.3
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["code", "refresh"]


@dataclass(frozen=True, slots=True)
class Grant:
    """Everything that tokens under it inherit; it ends all of them when it is revoked.

    `patient` and `encounter` are ids; `context` are the further members of a token response that tell of the launch.
    `session` is set where the grant ends with the person's session (`online_access`).
    """

    id: str
    client: str
    user: str
    scopes: tuple[str, ...]
    granted_at: datetime
    auth_time: datetime
    fhir_user: str | None = None
    patient: str | None = None
    encounter: str | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    nonce: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """A code or a refresh token: whoever presents it first gets tokens; only its hash is kept.

    `redirect_uri` and `challenge` belong to a code.
    """

    sha256: bytes
    kind: Kind
    expires_at: datetime
    redirect_uri: str | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A code or refresh token as it was found with its grant, live ones only; `spent_at` is set on one used before."""

    once: Once
    grant: Grant
    spent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """An access token; one without a `grant` was issued to a backend for itself."""

    sha256: bytes
    client: str
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    grant: str | None = None
