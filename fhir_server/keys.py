"""The master key, which never enters the database, and the keys derived from it for each purpose.

https://www.rfc-editor.org/rfc/rfc5869 (HKDF); how it is changed: docs/adr/0022-master-key-rotation.md
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from fhir_server.errors import OperatorError

Purpose = Literal[
    "device-secrets", "identity", "cursor", "signing-keys", "audit", "notifications", "subscription-headers"
]

FILE_NAME = "master.key"
PREVIOUS_NAME = "master.key.previous"
_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 random bytes from which everything else that is secret is derived; it never shows itself.

    One that took another's place carries the key of the identities, which never changes; `previous` is the one before, for
    as long as something may still be sealed under it.
    """

    _bytes: bytes = field(repr=False)
    _identity: bytes | None = field(default=None, repr=False)
    previous: "MasterKey | None" = field(default=None, repr=False)

    def derive(self, purpose: Purpose) -> bytes:
        """32 bytes for `purpose`, always the same, from which neither this key nor another purpose's follows."""
        if purpose == "identity" and self._identity is not None:
            return self._identity
        info = b"fhir-server/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=info).derive(self._bytes)

    def fingerprint(self, token: str) -> str:
        """What tells the operator's token from others and nothing else of it; the same under a later key."""
        info = b"fhir-server/operator-token"
        key = HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=info).derive(self.derive("identity"))
        return hmac.new(key, token.encode(), sha256).hexdigest()

    def successor(self) -> "MasterKey":
        """A new key, under which every reading keeps its identity, with this one as the one before."""
        return MasterKey(secrets.token_bytes(_BYTES), self.derive("identity"), self)

    def text(self) -> str:
        """The key as `FHIR_MASTER_KEY` and the file have it."""
        return base64.b64encode(self._bytes + (self._identity or b"")).decode()


class Box:
    """Closes what is secret, for one purpose, under the master key; opens what was closed under it or the one before.

    What is in it is bound to `about`, whose it is: it opens for nobody else.
    """

    __slots__ = ("_ciphers",)

    def __init__(self, master_key: MasterKey, purpose: Purpose) -> None:
        known = (master_key, master_key.previous)
        self._ciphers = [AESGCM(key.derive(purpose)) for key in known if key is not None]

    def close(self, plain: bytes, about: bytes) -> bytes:
        """`plain` as it may be stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, about)

    def open(self, closed: bytes, about: bytes) -> bytes:
        """What is in `closed`; raises InvalidTag."""
        return self._opened(closed, about)[0]

    def renewed(self, closed: bytes, about: bytes) -> bytes | None:
        """`closed` anew under the present key, None where it is under that already; raises InvalidTag."""
        plain, place = self._opened(closed, about)
        return self.close(plain, about) if place else None

    def _opened(self, closed: bytes, about: bytes) -> tuple[bytes, int]:
        for place, cipher in enumerate(self._ciphers):
            try:
                return cipher.decrypt(closed[:_NONCE_BYTES], closed[_NONCE_BYTES:], about), place
            except InvalidTag:
                continue
        raise InvalidTag


def master_key(setting: SecretStr | None, data_dir: Path, previous: SecretStr | None = None) -> MasterKey:
    """The key from `setting` (`Settings.master_key`), else from `<data_dir>/master.key`, made there when missing.

    The one before it is `previous`, or `<data_dir>/master.key.previous` where the key is a file. Raises OperatorError for a
    key that is not base64 of 32 bytes, or of 64 as a later one is, and for a file that others may read.
    """
    before = None
    if previous is not None:
        before = _key(previous.get_secret_value(), "FHIR_MASTER_KEY_PREVIOUS")
    if setting is not None:
        return _key(setting.get_secret_value(), "FHIR_MASTER_KEY", before)
    path = data_dir / FILE_NAME
    if not path.exists():
        _make(path)
    if before is None and (data_dir / PREVIOUS_NAME).exists():
        before = _read(data_dir / PREVIOUS_NAME)
    return _read(path, before)


def succeed(data_dir: Path) -> None:
    """A new key in `<data_dir>/master.key`, with the one there as the one before it.

    Raises OperatorError while there is one before that already.
    """
    path, before = data_dir / FILE_NAME, data_dir / PREVIOUS_NAME
    present = _read(path)
    if before.exists() and _read(before) != present:
        raise OperatorError(
            f"Something may still be sealed under {before}. Run `fhir-server key reseal`, restart the server, "
            "and remove that file first."
        )
    try:
        if not before.exists():
            before.hardlink_to(path)
        draft = _drafted(path, present.successor().text())
        draft.replace(path)
    except OSError as error:
        raise OperatorError(f"The master key {path} cannot be written: {error.strerror}.") from error


def _read(path: Path, previous: MasterKey | None = None) -> MasterKey:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii", errors="replace")
    except OSError as error:
        raise OperatorError(f"The master key {path} cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise OperatorError(f"Others may read the master key {path}. Run `chmod 600 {path}`.")
    return _key(text.strip(), str(path), previous)


def _key(text: str, source: str, previous: MasterKey | None = None) -> MasterKey:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in (_BYTES, 2 * _BYTES):
        raise OperatorError(
            f"{source} is not base64 of {_BYTES} bytes. `openssl rand -base64 {_BYTES}` makes a new key; "
            "device secrets stored under another key cannot be read with it."
        )
    return MasterKey(key[:_BYTES], key[_BYTES:] or None, previous)


def _make(path: Path) -> None:
    """Write a new key so that of several processes starting at once exactly one file wins, complete and 0600."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _drafted(path, MasterKey(secrets.token_bytes(_BYTES)).text())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise OperatorError(f"The master key {path} cannot be written: {error.strerror}.") from error


def _drafted(path: Path, text: str) -> Path:
    """A new file beside `path`, for its owner alone, with `text` on the disk."""
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return draft
