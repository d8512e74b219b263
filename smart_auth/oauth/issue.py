"""Tokens on their way out: what the client is told, and what is kept of it.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from smart_auth import tokens
from smart_auth.grants import Access, Grant, Once
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.kept import BACKEND_LIFE, ONLINE_LIFE, Lives

LASTING = frozenset({"offline_access", "online_access"})


@dataclass(frozen=True, slots=True)
class Issued:
    """New tokens: the members of the answer, and their hashes as they are to be kept."""

    answer: Mapping[str, object]
    access: Access
    refresh: Once | None = None


def for_backend(request: FormRequest, client: str, scopes: tuple[str, ...]) -> Issued:
    """A token of a backend for itself, without one to renew it."""
    return _issued(request, client, scopes, None, BACKEND_LIFE, None)


def under(
    request: FormRequest, grant: Grant, rightful: tuple[str, ...], scopes: tuple[str, ...], lives: Lives
) -> Issued:
    """Tokens under `grant`, which carry its context, with `scopes` out of those that are `rightful` still.

    One to renew them comes only where these have a lasting access.
    """
    lasting = LASTING & set(rightful)
    life = lives.refresh if "offline_access" in lasting else ONLINE_LIFE
    refresh = tokens.token("refresh") if lasting else None
    issued = _issued(request, grant.client, scopes, grant.id, lives.access, refresh)
    once = None if refresh is None else Once(tokens.sha256(refresh), "refresh", request.asked.now + life)
    return Issued({**issued.answer, **context(grant)}, issued.access, once)


def context(grant: Grant) -> dict[str, object]:
    """The members of a token response, and of what introspection tells, that say where the app was launched."""
    single = {"patient": grant.patient, "encounter": grant.encounter}
    return {**grant.context, **{name: id for name, id in single.items() if id is not None}}


def _issued(
    request: FormRequest,
    client: str,
    scopes: tuple[str, ...],
    grant: str | None,
    life: timedelta,
    refresh: str | None,
) -> Issued:
    now = request.asked.now
    access = tokens.token("access")
    answer: dict[str, object] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": int(life.total_seconds()),
        "scope": " ".join(scopes),
    }
    if refresh is not None:
        answer["refresh_token"] = refresh
    return Issued(answer, Access(tokens.sha256(access), client, scopes, now, now + life, grant))
