"""Which device signed a request: HMAC-SHA256 over what was sent.

https://www.rfc-editor.org/rfc/rfc2104; docs/adr/0009-device-authentication.md
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from ingest.errors import Unauthenticated
from ingest.ports import Device, Secret

WINDOW: Final = 60
"""Seconds by which a device's clock may differ from ours, either way."""

Form = Literal["api", "ingest"]

_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_NAME: Final = re.compile(r"[!-~]{1,64}")
_DECOY: Final = Secret(secrets.token_bytes(32))
_KEYS_COMPARED: Final = 2


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came, before anyone is believed; the headers hold every value sent under their name.

    `sha256` is the hash of a body that went to disk as it came, and is not in `body`; `confidential` says that nobody
    could read the request on its way.
    """

    form: Form
    method: str
    path: str
    device: Sequence[str]
    timestamp: Sequence[str]
    signature: Sequence[str]
    body: bytes = field(repr=False)
    sha256: bytes | None = None
    api_key: Sequence[str] = field(default=(), repr=False)
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """The headers of a signed request, well formed and not yet believed."""

    device: str
    timestamp: str
    signature: bytes = field(repr=False)


def credentials(request: SignedRequest) -> Credentials:
    """What the headers claim; raises Unauthenticated when one is missing, repeated or malformed."""
    match request.device, request.timestamp, request.signature:
        case [device], [timestamp], [text] if _NAME.fullmatch(device) and _SECONDS.fullmatch(timestamp):
            signature = _signature(text)
            if signature is not None:
                return Credentials(device, timestamp, signature)
    raise Unauthenticated("headers")


def message(request: SignedRequest, claimed: Credentials) -> bytes:
    """The bytes that the signature is over.

    `/api/*` signs `timestamp.body`; `/ingest/*` signs five lines that also bind method, path and device.
    """
    if request.form == "api":
        return claimed.timestamp.encode() + b"." + request.body
    digest = (request.sha256 or hashlib.sha256(request.body).digest()).hex()
    return f"{request.method}\n{request.path}\n{claimed.timestamp}\n{claimed.device}\n{digest}".encode()


def verified(device: Device | None, claimed: Credentials, signed: bytes, now: datetime) -> Device:
    """The device that signed; raises Unauthenticated.

    As many keys are compared for an unknown device as for a known one, and everything is compared before anything is
    refused, so that neither answer nor time tells which part was wrong.
    """
    valid = [] if device is None else [each for each in device.secrets if _is_valid(each, now)]
    compared = [*valid, *[_DECOY] * (_KEYS_COMPARED - len(valid))]
    matches = [_matches(secret, signed, claimed.signature) for secret in compared]
    stale = abs(now.timestamp() - int(claimed.timestamp)) > WINDOW
    if device is None:
        raise Unauthenticated("unknown-device")
    if not valid:
        raise Unauthenticated("no-secret", device.id)
    if not any(matches[: len(valid)]):
        raise Unauthenticated("signature", device.id)
    if device.disabled:
        raise Unauthenticated("disabled-device", device.id)
    if stale:
        raise Unauthenticated("stale", device.id)
    return device


def _matches(secret: Secret, signed: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(secret.key, signed, "sha256"), signature)


def _is_valid(secret: Secret, now: datetime) -> bool:
    return secret.valid_until is None or secret.valid_until > now


def _signature(text: str) -> bytes | None:
    """The 32 bytes of canonical base64, None for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == 32 and base64.b64encode(raw).decode() == text else None
