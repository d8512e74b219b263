"""The owner of an embedded PostgreSQL: takes the data directory, prepares it, and has it served until told to stop.

https://www.postgresql.org/docs/18/server-start.html
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from fhir_server.store.embedded import (
    cluster,
    directory,
    installation,
    lock,
    socket_folder,
)
from fhir_server.store.embedded.account import Account, database_account
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import EmbeddedError, NotRunning
from fhir_server.store.embedded.launcher import Launcher
from fhir_server.store.embedded.supervisor import Supervisor


class Embedded:
    """The embedded PostgreSQL of one data directory; a context manager that starts and stops it.

    `settings` are PostgreSQL settings that go before everything but the safety of the socket, `role` tells others whether
    the owner will be done soon. The patiences are seconds: for a command that owns the data directory now, for PostgreSQL
    to be ready (it may have to replay its log), and for its orderly stop. `heed` is called while a start waits, and ends it
    by raising.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        role: lock.Role = "server",
        owner_patience: float = 30.0,
        start_patience: float = 600.0,
        stop_patience: float = 30.0,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        self._data_dir = data_dir
        self._settings = dict(settings or {})
        self._role: lock.Role = role
        self._owner_patience = owner_patience
        self._start_patience = start_patience
        self._stop_patience = stop_patience
        self._heed = heed
        self._run: Supervisor | None = None
        self._ownership = -1

    @property
    def url(self) -> str:
        """The address for psycopg, and for SQLAlchemy after a change of scheme; NotRunning before `start`."""
        if self._run is None:
            raise NotRunning(f"The embedded PostgreSQL in {self._data_dir} has not been started.")
        return self._run.url

    @property
    def pid(self) -> int | None:
        """The process number of the running postmaster; None while there is none."""
        return self._run.pid if self._run else None

    def start(self) -> str:
        """The address of the database, which is ready; EmbeddedError says why it cannot be, and nothing is left running.

        Blocks until then: from a coroutine call it with `asyncio.to_thread`.
        """
        if self._run is not None:
            return self._run.url
        _require_linux()
        place = directory.made(self._data_dir)
        ownership = lock.taken(place, patience=self._owner_patience)
        try:
            self._run = self._begun(place)
        except BaseException:
            place.owner.unlink(missing_ok=True)
            os.close(ownership)
            raise
        self._ownership = ownership
        return self._run.url

    def stop(self) -> None:
        """Nothing; PostgreSQL has shut down and the data directory is free. May be called again."""
        if self._run is None:
            return
        run, self._run = self._run, None
        try:
            run.end(self._stop_patience)
        finally:
            os.close(self._ownership)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _begun(self, place: DataDirectory) -> Supervisor:
        account = database_account()
        _forget_last_owner(place, account)
        # From here on a second server can be told whom it meets, however long the rest takes.
        lock.write_owner(place, lock.Owner(os.getpid(), self._role, socket_folder=""))
        programs = Launcher(installation.usable_by(account), account)
        cluster.create_if_missing(place, programs)
        cluster.check(place, programs)
        cluster.renew_lost_password(place, programs)
        folder = socket_folder.opened(place, account)
        lock.write_owner(place, lock.Owner(os.getpid(), self._role, str(folder)))
        run = Supervisor(place, programs, folder, self._settings, self._start_patience)
        run.begin(self._heed)
        return run


def _forget_last_owner(place: DataDirectory, account: Account) -> None:
    # A killed owner leaves its socket's folder behind.
    if last := lock.read_owner(place):
        socket_folder.removed(Path(last.socket_folder), account)
        place.owner.unlink()


def _require_linux() -> None:
    if sys.platform != "linux":
        raise EmbeddedError(
            "The embedded PostgreSQL runs on Linux. Give an external database with DATABASE_URL."
        )
