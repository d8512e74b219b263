"""One owner per data directory: a lock that ends with its process, and what the owner says about itself.

https://man7.org/linux/man-pages/man2/flock.2.html

The lock belongs to the open file, so a process forked from the owner would keep it: workers are spawned, not forked.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import AlreadyRunning

Role = Literal["server", "command"]

_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that runs the embedded PostgreSQL, and the folder its socket is in."""

    pid: int
    role: Role
    socket_folder: str


def taken(directory: DataDirectory, *, patience: float) -> int:
    """The descriptor that holds the ownership until it is closed; AlreadyRunning, naming the owner, when it is taken.

    A server is not waited for beyond the moment in which a tool looks whether there is one; a command, which will be
    done soon, is waited for up to `patience` seconds.
    """
    descriptor = _opened(directory.lock)
    started = time.monotonic()
    while not _locked(descriptor, fcntl.LOCK_EX):
        owner = read_owner(directory)
        limit = patience if owner and owner.role == "command" else min(patience, 1.0)
        if time.monotonic() - started >= limit:
            os.close(descriptor)
            raise AlreadyRunning(_refusal(directory, owner))
        time.sleep(_POLL)
    return descriptor


def is_held(directory: DataDirectory) -> bool:
    """Whether some process owns the data directory now."""
    if not directory.lock.exists():
        return False
    descriptor = _opened(directory.lock)
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def shared(path: Path) -> int:
    """The descriptor of a shared lock on `path`; it waits while somebody holds it alone."""
    descriptor = _opened(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def alone(path: Path) -> int:
    """The descriptor of an exclusive lock on `path`; it waits until nobody shares it."""
    descriptor = _opened(path)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def write_owner(directory: DataDirectory, owner: Owner) -> None:
    """Nothing; `owner` is on record, whole or not at all."""
    draft = directory.owner.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(owner), file)
    draft.replace(directory.owner)


def read_owner(directory: DataDirectory) -> Owner | None:
    """The owner on record, who may be gone; None when there is none."""
    try:
        fields = json.loads(directory.owner.read_text())
        return Owner(int(fields["pid"]), fields["role"], str(fields["socket_folder"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refusal(directory: DataDirectory, owner: Owner | None) -> str:
    whom = f"process {owner.pid}" if owner else "another process"
    what = "a command" if owner and owner.role == "command" else "a server"
    return (
        f"The data directory {directory.path} is in use by {whom} ({what}). "
        f"Stop that process first, or give this one its own folder with --data-dir or FHIR_DATA_DIR."
    )
