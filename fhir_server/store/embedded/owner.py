"""The owner of an embedded PostgreSQL: starts it, restarts it when it dies, stops it.

https://www.postgresql.org/docs/18/server-start.html

PostgreSQL is told to shut down when the thread that started it ends, so one thread starts it, and every successor,
and lives from `start` to `stop`. Whoever owns an `Embedded` may therefore call it from any thread.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from fhir_server.store.embedded import (
    cluster,
    directory,
    installation,
    launcher,
    lock,
    postmaster,
    socket_folder,
)
from fhir_server.store.embedded.account import Account, database_account
from fhir_server.store.embedded.address import url_of
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import EmbeddedError, NotRunning
from fhir_server.store.embedded.launcher import Launcher

_log = structlog.get_logger(__name__)

_LEFTOVER_WAIT = 5.0
_LONGEST_PAUSE = 5.0


class Embedded:
    """The embedded PostgreSQL of one data directory; a context manager that starts and stops it.

    `settings` are PostgreSQL settings that go before everything but the safety of the socket, `role` tells others whether
    the owner will be done soon. The patiences are seconds: for a command that owns the data directory now, for PostgreSQL
    to be ready (it may have to replay its log), and for its orderly stop.
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
    ) -> None:
        self._data_dir = data_dir
        self._settings = dict(settings or {})
        self._role: lock.Role = role
        self._owner_patience = owner_patience
        self._start_patience = start_patience
        self._stop_patience = stop_patience
        self._run: _Run | None = None

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
            os.close(ownership)
            raise
        self._run.ownership = ownership
        return self._run.url

    def stop(self) -> None:
        """Nothing; PostgreSQL has shut down and the data directory is free. May be called again."""
        if self._run is None:
            return
        run, self._run = self._run, None
        run.end(self._stop_patience)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _begun(self, place: DataDirectory) -> "_Run":
        account = database_account()
        programs = Launcher(installation.usable_by(account), account)
        cluster.create_if_missing(place, programs)
        cluster.check(place, programs)
        _forget_last_owner(place, account)
        folder = socket_folder.opened(place, account)
        lock.write_owner(place, lock.Owner(os.getpid(), self._role, str(folder)))
        run = _Run(place, programs, folder, self._settings, self._start_patience)
        run.begin()
        return run


class _Run:
    """One time of running, from start to stop, over as many postmasters as it takes."""

    def __init__(
        self,
        place: DataDirectory,
        programs: Launcher,
        folder: Path,
        settings: Mapping[str, str],
        patience: float,
    ) -> None:
        self.url = url_of(place, folder)
        self.ownership: int | None = None
        self._place = place
        self._programs = programs
        self._folder = folder
        self._settings = settings
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._change = threading.Lock()
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._supervise, name="embedded-postgresql", daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process and process.returncode is None else None

    def begin(self) -> None:
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            self._tidy()
            raise self._failure

    def end(self, patience: float) -> None:
        self._stopping.set()
        with self._change:
            if self._process is not None:
                postmaster.stop(self._process, patience=patience)
        self._thread.join()
        self._tidy()

    def _tidy(self) -> None:
        socket_folder.removed(self._folder, self._programs.account)
        self._place.owner.unlink(missing_ok=True)
        if self.ownership is not None:
            os.close(self.ownership)

    def _supervise(self) -> None:
        try:
            self._launch(_LEFTOVER_WAIT)
        except Exception as error:  # noqa: BLE001 - handed to the caller of `start`, who waits in another thread
            self._failure = error
            return
        finally:
            self._started.set()
        while self._died():
            self._relaunch()

    def _died(self) -> bool:
        assert self._process is not None
        status = self._process.wait()
        if self._stopping.is_set():
            return False
        _log.error("embedded_postgresql_died", status=status)
        return True

    def _relaunch(self) -> None:
        pause = 0.1
        while not self._stopping.wait(pause):
            try:
                self._launch(1.0)
            except (EmbeddedError, OSError) as error:
                _log.error("embedded_postgresql_not_restarted", reason=str(error))
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            _log.warning("embedded_postgresql_restarted", pid=self.pid)
            return

    def _launch(self, leftover_patience: float) -> None:
        place, account = self._place, self._programs.account
        postmaster.Leftovers(place.cluster, account.uid).cleared(patience=leftover_patience)
        socket_folder.check(self._folder, account)
        socket_folder.swept(self._folder)
        words = cluster.options(
            postmaster.name_of(place.cluster), self._folder, socket_folder.PORT, self._settings
        )
        log = place.path / "start.log"
        with launcher.opened(place.cluster) as descriptor, log.open("wb") as output:
            cluster.configure(descriptor, self._programs)
            with self._change:
                if self._stopping.is_set():
                    return
                self._process = self._programs.started(descriptor, ["postgres", *words], output)
        try:
            postmaster.await_ready(self._process, place.cluster, log, patience=self._patience)
        except EmbeddedError:
            postmaster.stop(self._process, patience=5.0)
            raise


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
