"""The thread that keeps PostgreSQL running: starts it, waits for its end, starts it again.

https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html

PostgreSQL is told to shut down when the thread that started it ends, so one thread starts it, and every successor,
and lives from `begin` to `end`. Both may be called from any thread.
"""

import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from fhir_server.store.embedded import cluster, launcher, postmaster, socket_folder
from fhir_server.store.embedded.address import url_of
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import EmbeddedError, StartFailed
from fhir_server.store.embedded.launcher import Launcher

_log = structlog.get_logger(__name__)

# An owner that was killed has its postmaster shutting down already; one that is stuck is ended, so that the whole
# return stays within ten seconds.
_LEFTOVER_WAIT = 5.0
_INTERRUPTED_WAIT = 5.0
_HEED_EVERY = 0.5
_LONGEST_PAUSE = 5.0


class Supervisor:
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
        self._place = place
        self._programs = programs
        self._folder = folder
        self._settings = settings
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._change = threading.Lock()
        self._settled = threading.Event()
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._supervise, name="embedded-postgresql", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process number of the postmaster; None while there is none."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    def begin(self, heed: Callable[[], None]) -> None:
        """Nothing; the first postmaster is ready. StartFailed when it is not, and then nothing is left running.

        The same holds for what `heed` raises, which is called until then.
        """
        try:
            self._thread.start()
            while not self._settled.wait(_HEED_EVERY):
                heed()
        except BaseException:
            self.end(_INTERRUPTED_WAIT)
            raise
        if self._failure is not None:
            self.end(_INTERRUPTED_WAIT)
            raise self._failure

    def end(self, patience: float) -> None:
        """Nothing; the postmaster has shut down, and its socket's folder is gone."""
        self._stopping.set()
        with self._change:
            if self._process is not None:
                postmaster.stop(self._process, patience=patience)
        # A thread that was interrupted as it came to life will find that it is to stop.
        with suppress(RuntimeError):
            self._thread.join()
        socket_folder.removed(self._folder, self._programs.account)
        self._place.owner.unlink(missing_ok=True)

    def _supervise(self) -> None:
        try:
            self._launch()
        except Exception as error:  # noqa: BLE001 - handed to the caller of `start`, who waits in another thread
            self._failure = error
            return
        finally:
            self._settled.set()
        while self._died():
            self._relaunch()

    def _died(self) -> bool:
        status = self._process.wait() if self._process else None
        if self._stopping.is_set():
            return False
        _log.error("embedded_postgresql_died", status=status)
        return True

    def _relaunch(self) -> None:
        pause = 0.1
        while not self._stopping.wait(pause):
            try:
                self._launch()
            except (EmbeddedError, OSError) as error:
                if self._stopping.is_set():
                    return
                _log.error("embedded_postgresql_not_restarted", reason=str(error))
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            _log.warning("embedded_postgresql_restarted", pid=self.pid)
            return

    def _launch(self) -> None:
        place, account = self._place, self._programs.account
        postmaster.Leftovers(place.cluster, account.uid).cleared(_LEFTOVER_WAIT)
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
                    raise StartFailed("The embedded PostgreSQL was told to stop while it was starting.")
                self._process = self._programs.started(descriptor, ["postgres", *words], output)
        try:
            postmaster.await_ready(self._process, place.cluster, log, patience=self._patience)
        except EmbeddedError:
            postmaster.stop(self._process, patience=_INTERRUPTED_WAIT)
            raise
