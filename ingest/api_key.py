"""Which device holds the API key that a request carries, for makers whose software cannot sign.

docs/adr/0015-api-keys-of-devices.md
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingest.errors import Unauthenticated
from ingest.ports import Device, HeldKey

_FORM: Final = re.compile(r"dk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
_DECOY: Final = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as its device sends it, and what is kept of it: the public `id`, and a hash."""

    text: str = field(repr=False)
    id: str
    sha256: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClaimedKey:
    """A key that a request carries, well formed and not yet believed."""

    id: str
    sha256: bytes = field(repr=False)


def new_key() -> NewKey:
    """A key of 256 random bits: `dk_`, an id by which it is found, and what only its device knows."""
    id = secrets.token_hex(8)
    text = f"dk_{id}_{secrets.token_urlsafe(32)}"
    return NewKey(text, id, _hash(text))


def claimed_key(sent: Sequence[str], *, confidential: bool) -> ClaimedKey:
    """The one key in the values of the header; raises Unauthenticated when it is malformed, repeated, or came in clear."""
    match = _FORM.fullmatch(sent[0]) if len(sent) == 1 else None
    if match is None:
        raise Unauthenticated("headers")
    if not confidential:
        raise Unauthenticated("in-clear")
    return ClaimedKey(match[1], _hash(sent[0]))


def holder(held: HeldKey | None, claimed: ClaimedKey, named: Sequence[str], now: datetime) -> Device:
    """The device that holds the claimed key; raises Unauthenticated, also when the request is `named` as another's.

    A hash is compared whether or not there is such a key, so that neither answer nor time tells.
    """
    same = hmac.compare_digest(_DECOY if held is None else held.sha256, claimed.sha256)
    if held is None:
        raise Unauthenticated("api-key")
    device = held.device
    if not same or (held.valid_until is not None and held.valid_until <= now):
        raise Unauthenticated("api-key", device.id)
    if device.disabled:
        raise Unauthenticated("disabled-device", device.id)
    if any(name not in (device.name, device.id) for name in named):
        raise Unauthenticated("headers", device.id)
    return device


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
