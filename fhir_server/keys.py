"""The master key, which never enters the database, and the keys derived from it for each purpose.

https://www.rfc-editor.org/rfc/rfc5869 (HKDF)
"""

import base64
import binascii
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from fhir_server.errors import OperatorError

Purpose = Literal["device-secrets", "identity", "cursor", "signing-keys", "audit"]

FILE_NAME = "master.key"
_BYTES = 32


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 random bytes from which everything else that is secret is derived; it never shows itself."""

    _bytes: bytes = field(repr=False)

    def derive(self, purpose: Purpose) -> bytes:
        """32 bytes for `purpose`, always the same, from which neither this key nor another purpose's follows."""
        info = b"fhir-server/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=info).derive(self._bytes)


def master_key(setting: SecretStr | None, data_dir: Path) -> MasterKey:
    """The key from `setting` (`Settings.master_key`), else from `<data_dir>/master.key`, made there when missing.

    Raises OperatorError for a key that is not base64 of 32 bytes and for a file that others may read.
    """
    if setting is not None:
        return MasterKey(_decoded(setting.get_secret_value(), "FHIR_MASTER_KEY"))
    path = data_dir / FILE_NAME
    if not path.exists():
        _make(path)
    return MasterKey(_read(path))


def _read(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii", errors="replace")
    except OSError as error:
        raise OperatorError(f"The master key {path} cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise OperatorError(f"Others may read the master key {path}. Run `chmod 600 {path}`.")
    return _decoded(text.strip(), str(path))


def _decoded(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise OperatorError(
            f"{source} is not base64 of {_BYTES} bytes. `openssl rand -base64 {_BYTES}` makes a new key; "
            "device secrets stored under another key cannot be read with it."
        )
    return key


def _make(path: Path) -> None:
    """Write a new key so that of several processes starting at once exactly one file wins, complete and 0600."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise OperatorError(f"The master key {path} cannot be written: {error.strerror}.") from error
