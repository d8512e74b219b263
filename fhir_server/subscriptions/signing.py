"""Signatures of notifications, by which an endpoint knows that this server sent them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fhir_server.keys import MasterKey

_PREFIX: Final = "whsec_"
_VERSION: Final = "v1"


def secret(master_key: MasterKey, id: str) -> str:
    """The secret that notifications of the Subscription with this id are signed with, as its owner configures it."""
    return _PREFIX + base64.b64encode(_key(master_key, id)).decode()


def signed(
    master_key: MasterKey, id: str, message: str, at: datetime, body: bytes
) -> list[tuple[bytes, bytes]]:
    """The headers of a message of that Subscription, sent now.

    While there is a master key from before, its signature stands beside the present one's.
    """
    seconds = str(int(at.timestamp()))
    text = f"{message}.{seconds}.".encode() + body
    signatures = [f"{_VERSION},{_signature(_key(key, id), text)}" for key in _known(master_key)]
    return [
        (b"webhook-id", message.encode()),
        (b"webhook-timestamp", seconds.encode()),
        (b"webhook-signature", " ".join(signatures).encode()),
    ]


def _known(master_key: MasterKey) -> Sequence[MasterKey]:
    return [master_key] if master_key.previous is None else [master_key, master_key.previous]


def _key(master_key: MasterKey, id: str) -> bytes:
    return hmac.digest(master_key.derive("notifications"), id.encode(), hashlib.sha256)


def _signature(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
