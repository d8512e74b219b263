"""The private folder of the Unix socket: 0700, ours, and short enough.

https://man7.org/linux/man-pages/man7/unix.7.html (`sun_path` takes 108 bytes, the last of them NUL)
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fhir_server.store.embedded.account import Account
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import UnsafeFolder

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"

_PREFIX = "fhir-server-"
_RANDOM = 8
_MAX_PATH = 107
# What separates or quotes in libpq's `host` and PostgreSQL's `unix_socket_directories`.
_AWKWARD = frozenset(',"\n')


def opened(directory: DataDirectory, account: Account) -> Path:
    """An empty folder only `account` can enter; UnsafeFolder when something else stands in its place.

    It is `run` in the data directory where the account gets there and the path is short and plain enough; else a new folder with
    a random name, which nobody can have prepared.
    """
    if account.is_this_process and _fits(directory.socket_folder):
        directory.socket_folder.mkdir(mode=0o700, exist_ok=True)
        check(directory.socket_folder, account)
        swept(directory.socket_folder)
        return directory.socket_folder
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent()))
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    return folder


def check(folder: Path, account: Account) -> None:
    """Nothing; UnsafeFolder unless `folder` is a real folder of `account` that nobody else can enter."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeFolder(
            f"{folder} should be the folder of the database's socket and is not a folder; remove it."
        )
    if status.st_uid != account.uid or status.st_mode & 0o077:
        raise UnsafeFolder(
            f"{folder} should be the private folder of the database's socket, and belongs to user {status.st_uid} "
            f"with mode {stat.S_IMODE(status.st_mode):04o}; remove it."
        )


def swept(folder: Path) -> None:
    """Nothing; what a killed PostgreSQL left in `folder` is gone. Only for a folder that was checked."""
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (folder / name).unlink(missing_ok=True)


def removed(folder: Path, account: Account) -> None:
    """Nothing; a folder that `opened` made is gone, anything else that stands there is left alone."""
    if not folder.name.startswith((_PREFIX, "run")) or not folder.is_dir():
        return
    try:
        check(folder, account)
    except UnsafeFolder:
        return
    swept(folder)
    if not any(folder.iterdir()):
        folder.rmdir()


def _parent() -> Path:
    for folder in _parents():
        if _fits(folder / (_PREFIX + "x" * _RANDOM)) and _nobody_else_can_rename_in(folder):
            return folder
    raise UnsafeFolder(
        "There is no safe place for the database's socket: neither /run, XDG_RUNTIME_DIR, TMPDIR nor /tmp is a short "
        "path to a folder in which others cannot rename. Set XDG_RUNTIME_DIR to a private folder with a short path."
    )


def _parents() -> Iterator[Path]:
    if os.geteuid() == 0:
        yield Path("/run")
    elif named := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(named)
    yield Path(tempfile.gettempdir())
    yield Path("/tmp")  # noqa: S108 - mkdtemp makes the name


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET_NAME)) <= _MAX_PATH and not _AWKWARD & set(str(folder))


def _nobody_else_can_rename_in(folder: Path) -> bool:
    try:
        status = folder.stat()
    except OSError:
        return False
    if status.st_uid not in {0, os.geteuid()} or not os.access(folder, os.W_OK | os.X_OK):
        return False
    return not status.st_mode & 0o022 or bool(status.st_mode & stat.S_ISVTX)
