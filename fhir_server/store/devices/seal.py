"""Device secrets as they lie in the database: encrypted under a key that is not there.

https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf (AES-GCM)
"""

from cryptography.exceptions import InvalidTag

from fhir_server.keys import Box, MasterKey


class SecretUnreadable(Exception):
    """A stored secret was encrypted under another master key, for another device, or was altered."""


class Seal:
    """Encrypts and decrypts the secrets of devices; a sealed secret opens for its own device and key id only."""

    def __init__(self, master_key: MasterKey) -> None:
        self._box = Box(master_key, "device-secrets")

    def close(self, secret: bytes, device_id: str, key_id: int) -> bytes:
        """`secret` as it may be stored."""
        return self._box.close(secret, _owner(device_id, key_id))

    def open(self, sealed: bytes, device_id: str, key_id: int) -> bytes:
        """The secret in `sealed`; raises SecretUnreadable."""
        try:
            return self._box.open(sealed, _owner(device_id, key_id))
        except InvalidTag as error:
            raise _unreadable(device_id, key_id) from error

    def renewed(self, sealed: bytes, device_id: str, key_id: int) -> bytes | None:
        """`sealed` anew under the present master key, None where it is under that already; raises SecretUnreadable."""
        try:
            return self._box.renewed(sealed, _owner(device_id, key_id))
        except InvalidTag as error:
            raise _unreadable(device_id, key_id) from error


def _unreadable(device_id: str, key_id: int) -> SecretUnreadable:
    return SecretUnreadable(
        f"Key {key_id} of Device/{device_id} cannot be decrypted. Restore the master key it was made under, "
        "or give the device a new secret with `fhir-server device rotate`."
    )


def _owner(device_id: str, key_id: int) -> bytes:
    return f"{device_id}/{key_id}".encode()
