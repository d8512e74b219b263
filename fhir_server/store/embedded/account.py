"""The user PostgreSQL runs as: this process's own, or, since PostgreSQL refuses root, a dedicated system account.

https://www.postgresql.org/docs/18/postgres-user.html
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass

from fhir_server.store.embedded.failures import EmbeddedError

ACCOUNT_NAME = "fhir-server-db"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its first group, by number."""

    uid: int
    gid: int

    @property
    def is_this_process(self) -> bool:
        """Whether no change of user is needed."""
        return self.uid == os.geteuid()


def database_account() -> Account:
    """The account for PostgreSQL, made on first need when this process is root; EmbeddedError when it cannot be."""
    if os.geteuid() == 0:
        return _found() or _added()
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        raise EmbeddedError(
            f"User {os.geteuid()} has no entry in the user database, which PostgreSQL's initdb needs. "
            "Add one (for a container: to /etc/passwd), or give an external database with DATABASE_URL."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _found() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        raise EmbeddedError(
            f"The account {ACCOUNT_NAME} is root, which PostgreSQL refuses. Give it its own number."
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _added() -> Account:
    command = _useradd()
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - fixed words
    # Another process may have added it at the same time, and then ours failed: what counts is that it is there.
    if account := _found():
        return account
    raise EmbeddedError(_impossible(f"`{' '.join(command)}` failed: {done.stderr.strip()}"))


def _useradd() -> list[str]:
    search = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    program = shutil.which("useradd", path=search)
    if program is None:
        raise EmbeddedError(_impossible("there is no `useradd` here"))
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    comment = ["--comment", "PostgreSQL of the FHIR server", "--shell", "/usr/sbin/nologin"]
    return [program, *options, *comment, ACCOUNT_NAME]


def _impossible(why: str) -> str:
    return (
        f"PostgreSQL refuses to run as root, and the system account {ACCOUNT_NAME} could not be added: {why}. "
        f"Add a system account of that name, or run this command as an ordinary user."
    )
