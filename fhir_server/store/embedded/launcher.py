"""How this process starts one of PostgreSQL's programs: as the database's user, in the cluster, dying with us.

https://www.postgresql.org/docs/18/server-start.html

The cluster is handed over as an open descriptor and named `/proc/self/fd/N`. So the account needs no way to it: its parent
folders may be closed (a home, a folder made with mktemp), nobody's permissions are changed, and no path is too long.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fhir_server.store.embedded import launch
from fhir_server.store.embedded.account import Account
from fhir_server.store.embedded.failures import StartFailed, UnsafeFolder
from fhir_server.store.embedded.installation import Installation

# Nothing else of ours reaches PostgreSQL: its environment is readable and may be logged.
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Launcher:
    """The programs of an installation, and the account to run them as."""

    installation: Installation
    account: Account

    def started(self, cluster: int, words: Sequence[str], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """The running program; it gets a fast-shutdown signal when the thread that called this has ended.

        The signal reaches the program, or ends the script that is to become it, however early it comes.
        """
        with _held_back(signal.SIGINT):
            return subprocess.Popen(  # noqa: S603 - our own programs
                self._command(words, signal.SIGINT),
                pass_fds=(cluster,),
                env=_environment(cluster),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def run(self, cluster: int, words: Sequence[str], text: str = "") -> None:
        """Nothing; the program has read `text` and succeeded. StartFailed with its last words when it did not."""
        done = subprocess.run(  # noqa: S603 - our own programs
            self._command(words, signal.SIGKILL),
            pass_fds=(cluster,),
            env=_environment(cluster),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-2000:]
            raise StartFailed(f"`{words[0]}` failed while setting up the embedded PostgreSQL: {said}")

    def _command(self, words: Sequence[str], at_our_end: signal.Signals) -> list[str]:
        who = [self.account.uid, self.account.gid, os.getpid(), int(at_our_end)]
        program = [self.installation.program(words[0]), *words[1:]]
        return [sys.executable, "-I", "-S", launch.__file__, *map(str, who), *program]


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A descriptor of the real folder `folder`; UnsafeFolder when it is a link or a file."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError as error:
        raise UnsafeFolder(
            f"{folder} is not a folder of its own. Move the whole data directory instead, or give another --data-dir."
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """A block whose child processes begin with the signal waiting outside.

    A Python that starts catches SIGINT long before it runs our script, and drops what falls into a weak reference's end or
    into the look whether the script is a ZIP file.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _environment(cluster: int) -> dict[str, str]:
    return {**_ENVIRONMENT, "PGDATA": f"/proc/self/fd/{cluster}"}
