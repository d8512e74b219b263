"""A code or refresh token exchanged for new tokens, once; whoever brings it again ends what was granted.

https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
"""

from typing import Final

from authlib.oauth2.rfc6749.errors import InvalidGrantError

from smart_auth import tokens
from smart_auth.clients import Client
from smart_auth.granting import granted
from smart_auth.grants import Held, Kind
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.issue import Issued
from smart_auth.oauth.kept import Kept

_INVALID: Final = "It is unknown, has expired, was used before, or was issued to another client."
_NO_RIGHT: Final = "Whoever granted this may not grant it any more."


def held(text: str, kind: Kind, client: Client, request: FormRequest, kept: Kept) -> Held:
    """What the client presents, which may be exchanged. Raises InvalidGrantError; what comes again has its grant revoked."""
    found = request.wait(kept.grants.held(tokens.sha256(text), kind, request.asked.now))
    if found is None or found.grant.client != client.id or client.disabled:
        raise InvalidGrantError(_INVALID)
    request.grant = found.grant
    if found.spent_at is not None and not _may_come_again(found, request, kept):
        request.wait(kept.grants.revoke(found.grant.id, request.asked.now))
        raise InvalidGrantError(_INVALID)
    return found


def _may_come_again(found: Held, request: FormRequest, kept: Kept) -> bool:
    """Whether it is early enough for who lost the answer, or asked twice at once; a code is good once."""
    spent_at = found.spent_at
    return (
        found.once.kind == "refresh"
        and spent_at is not None
        and max(request.asked.now, spent_at) - spent_at < kept.lives.grace
    )


def rightful(found: Held, client: Client, request: FormRequest, kept: Kept) -> tuple[str, ...]:
    """The scopes of the grant that the person could still grant. Raises InvalidGrantError when they no longer may."""
    grant = found.grant
    person = request.wait(kept.people.person(grant.user))
    if person is None:
        raise InvalidGrantError(_NO_RIGHT)
    if grant.patient is not None and not request.wait(kept.care.sees(person, grant.patient)):
        raise InvalidGrantError(_NO_RIGHT)
    scopes = granted(grant.scopes, client.scopes, kept.resources, person)
    if not scopes:
        raise InvalidGrantError(_NO_RIGHT)
    return scopes


def spend(found: Held, issued: Issued, request: FormRequest, kept: Kept) -> None:
    """Nothing; the new tokens hold and `found` is spent.

    Raises InvalidGrantError, with the grant revoked, when another request was first, or what came of `found` was used.
    """
    now, lives = request.asked.now, kept.lives
    if request.wait(kept.grants.exchange(found.once.sha256, issued.access, issued.refresh, now, lives.grace)):
        return
    request.wait(kept.grants.revoke(found.grant.id, now))
    raise InvalidGrantError(_INVALID)
