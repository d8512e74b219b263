"""Device secrets as they lie in the database: encrypted under a key that is not there.

https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf (AES-GCM)
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.keys import MasterKey

_NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """A stored secret was encrypted under another master key, for another device, or was altered."""


class Seal:
    """Encrypts and decrypts the secrets of devices; a sealed secret opens for its own device and key id only."""

    def __init__(self, master_key: MasterKey) -> None:
        self._cipher = AESGCM(master_key.derive("device-secrets"))

    def close(self, secret: bytes, device_id: str, key_id: int) -> bytes:
        """`secret` as it may be stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, _owner(device_id, key_id))

    def open(self, sealed: bytes, device_id: str, key_id: int) -> bytes:
        """The secret in `sealed`; raises SecretUnreadable."""
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _owner(device_id, key_id)
            )
        except InvalidTag as error:
            raise SecretUnreadable(
                f"Key {key_id} of Device/{device_id} cannot be decrypted. Restore the master key it was made under, "
                "or give the device a new secret with `fhir-server device rotate`."
            ) from error


def _owner(device_id: str, key_id: int) -> bytes:
    return f"{device_id}/{key_id}".encode()
