"""The operator's own bearer token, which lets in to everything: from the settings, or the file that the demonstration made.

https://datatracker.ietf.org/doc/html/rfc6750#section-2.1
"""

import os
import secrets
from pathlib import Path

from fhir_server.errors import OperatorError
from fhir_server.settings import Settings

_LEAST = 32


def token(settings: Settings) -> str | None:
    """The operator's token, None when `auth` is off or there is none: then only tokens issued here let anyone in."""
    if settings.auth == "off":
        return None
    if settings.token is not None:
        return settings.token.get_secret_value()
    return None if settings.data_dir is None else _read(_file(settings.data_dir))


def lasting_token(settings: Settings) -> str:
    """The token in the settings or the data folder's file; made there, for its owner's eyes, when there is neither."""
    if settings.token is not None:
        return settings.token.get_secret_value()
    if settings.data_dir is None:
        raise OperatorError("A token needs a data folder to be kept in. Give one with --data-dir.")
    path = _file(settings.data_dir)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write(path, secrets.token_urlsafe(_LEAST))
    made = _read(path)
    if made is None:
        raise OperatorError(f"The token in {path} is shorter than {_LEAST} characters. Remove the file.")
    return made


def _file(data_dir: Path) -> Path:
    return data_dir / "token"


def _read(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return text if len(text) >= _LEAST else None


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
    draft.replace(path)
