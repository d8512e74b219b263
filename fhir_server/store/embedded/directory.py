"""The data directory: where it is by default, what lies in it, and whether it may be trusted.

https://specifications.freedesktop.org/basedir-spec/latest/

    pg/            the PostgreSQL cluster; as root it belongs to the dedicated account, all else stays root's
    run/           the socket, where the path is short enough
    password       the database role's password, in the form of a libpq password file
    owner.lock     held by flock as long as the owner lives
    owner.json     who the owner is, and where its socket
    attached.lock  shared by the command-line tools that use a temporary owner's database
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from fhir_server.store.embedded.failures import EmbeddedError, UnsafeFolder

ROOT_DATA_DIR = Path("/var/lib/fhir-server")


def default_data_dir() -> Path:
    """`FHIR_DATA_DIR`; else `/var/lib/fhir-server` for root, `fhir-server` under the XDG data home for a user."""
    if named := os.environ.get("FHIR_DATA_DIR"):
        return Path(named).expanduser()
    if os.geteuid() == 0:
        return ROOT_DATA_DIR
    home = os.environ.get("XDG_DATA_HOME", "")
    # The specification: a relative path is invalid and must be ignored.
    return (Path(home) if home.startswith("/") else Path.home() / ".local" / "share") / "fhir-server"


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The paths inside one data directory."""

    path: Path

    @property
    def cluster(self) -> Path:
        """The PostgreSQL cluster itself, `PGDATA`."""
        return self.path / "pg"

    @property
    def unfinished_cluster(self) -> Path:
        """A cluster while it is being made; it is renamed when whole."""
        return self.path / "pg.new"

    @property
    def socket_folder(self) -> Path:
        """The preferred place of the socket."""
        return self.path / "run"

    @property
    def passfile(self) -> Path:
        """The password file, 0600."""
        return self.path / "password"

    @property
    def lock(self) -> Path:
        """The file whose lock is ownership."""
        return self.path / "owner.lock"

    @property
    def owner(self) -> Path:
        """What the owner says about itself."""
        return self.path / "owner.json"

    @property
    def attached(self) -> Path:
        """The file whose shared lock says that a tool is still at work."""
        return self.path / "attached.lock"


def existing(path: Path) -> DataDirectory:
    """The data directory at `path`; UnsafeFolder when it is not this user's alone. It need not exist."""
    whole = path.expanduser().absolute()
    try:
        status = whole.stat()
    except FileNotFoundError:
        return DataDirectory(whole)
    except (PermissionError, NotADirectoryError) as error:
        raise EmbeddedError(_unreachable(whole, error)) from error
    _check(whole, status)
    return DataDirectory(whole.resolve())


def made(path: Path) -> DataDirectory:
    """The data directory at `path`, made 0700 if it was missing; UnsafeFolder or EmbeddedError when it cannot serve."""
    whole = path.expanduser().absolute()
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(_unreachable(whole, error)) from error
    return existing(whole)


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeFolder(f"{path} is not a folder. Give a folder with --data-dir or FHIR_DATA_DIR.")
    if status.st_uid != os.geteuid():
        raise UnsafeFolder(
            f"{path} belongs to user {status.st_uid} and this process runs as user {os.geteuid()}. "
            f"Run the command as user {status.st_uid}, or give another folder with --data-dir or FHIR_DATA_DIR."
        )
    if status.st_mode & stat.S_IWOTH:
        raise UnsafeFolder(
            f"{path} can be written by every user of this machine. "
            f"Close it with `chmod o-w {path}`, or give another folder with --data-dir or FHIR_DATA_DIR."
        )


def _unreachable(path: Path, error: OSError) -> str:
    return (
        f"The data directory {path} cannot be used: {error.strerror} ({error.filename}). "
        "Give a folder this user can write with --data-dir or FHIR_DATA_DIR."
    )
