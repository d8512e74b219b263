"""A server as an operator starts it, whose processes may be killed, stopped and started again on the same data folder.

docs/operations.md, "Faults"
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fhir_server.store.embedded import EmbeddedError, attach
from tests import databases, log_guard

TOKEN = "soak-token-" + "s" * 32
TEN_SECONDS = 10.0
_UNFORESEEN = ('"unexpected"', '"notification failed"', '"events could not be told"')


@dataclass
class Server:
    """`fhir-server serve` on `port`, and all it keeps below `folder`."""

    folder: Path
    port: int
    workers: int
    settings: dict[str, str] = field(default_factory=dict)
    owner: psutil.Popen | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        return Path(self.settings.get("FHIR_LOG_FILE") or self.folder / "server.jsonl")

    @property
    def database_url(self) -> str:
        return attach(self.data_dir, patience=TEN_SECONDS)

    def start(self) -> None:
        """Returns when the process has been started, which is before it answers."""
        command = [str(Path(sys.executable).with_name("fhir-server")), "serve", "--port", str(self.port)]
        command += ["--workers", str(self.workers), "--data-dir", str(self.data_dir), "--json"]
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment = kept | {"FHIR_TOKEN": TOKEN, "FHIR_LOG_FILE": str(self.log_file)} | self.settings
        with (self.folder / "console.txt").open("ab") as console:
            self.owner = psutil.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def await_ready(self, seconds: float) -> float:
        """The seconds it took until `/ready` said yes with every worker there; AssertionError after `seconds`."""
        started = time.monotonic()
        while not (len(self.worker_pids()) == self.workers and self._says_ready()):
            took = time.monotonic() - started
            assert self.is_running(), f"the server ended with {self.owner.poll()}:\n{self.console()}"
            assert took < seconds, f"not ready after {took:.1f} s:\n{self.console()}"
            time.sleep(0.05)
        return time.monotonic() - started

    def status(self, path: str, seconds: float = 5.0) -> int:
        """The status of a GET; 0 when there was no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=seconds) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def is_running(self) -> bool:
        return self.owner is not None and self.owner.poll() is None

    def worker_pids(self) -> list[int]:
        return [each.pid for each in self._children() if "fhir_server.serve.worker" in _words(each)]

    def postmaster_pid(self) -> int | None:
        found = (
            each.pid for each in self._children() if any("cluster_name=" in word for word in _words(each))
        )
        return next(found, None)

    def postgres_pids(self) -> list[int]:
        """The postmaster and every process of its own."""
        postmaster = self.postmaster_pid()
        if postmaster is None:
            return []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(postmaster).children(recursive=True)
            return [postmaster, *(each.pid for each in children)]
        return []

    def memory(self) -> int:
        """Bytes that the server's Python processes have for themselves."""
        pids = [*self.worker_pids(), *([self.owner.pid] if self.owner else [])]
        total = 0
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                total += psutil.Process(pid).memory_full_info().uss
        return total

    def kill_owner(self) -> None:
        """Returns when the owner is dead; its children may still be going."""
        assert self.owner is not None
        self.owner.kill()
        self.owner.wait(10)

    def stop(self) -> int | None:
        """The exit status after an orderly stop; what does not stop in 60 s is killed."""
        if self.owner is None:
            return None
        children = self._children()
        with suppress(psutil.NoSuchProcess):
            self.owner.terminate()
        try:
            return self.owner.wait(60)
        except psutil.TimeoutExpired:
            self.owner.kill()
            return self.owner.wait(10)
        finally:
            self.owner = None
            _, alive = psutil.wait_procs(children, timeout=10)
            for each in alive:
                with suppress(psutil.NoSuchProcess):
                    each.kill()

    def console(self) -> str:
        """The last of what the server said on standard output and standard error."""
        return (self.folder / "console.txt").read_text(errors="replace")[-3000:]

    def failures(self) -> list[str]:
        """The lines in which the server says that it met what nobody foresaw."""
        lines = self.log_file.read_text().splitlines()
        return [line for line in lines if any(event in line for event in _UNFORESEEN)]

    def postgresql_log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.data_dir.glob("pg/log/*")))

    def _says_ready(self) -> bool:
        return all(self.status("/ready", 3.0) == 200 for _ in range(2 * self.workers))

    def _children(self) -> list[psutil.Process]:
        if self.owner is None:
            return []
        try:
            return self.owner.children()
        except psutil.NoSuchProcess:
            return []


@contextmanager
def serving(workers: int = 2, **settings: str) -> Iterator[Server]:
    """A running server in a folder of its own; at the end it is stopped and the folder is gone, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix="fhir-soak-", dir=databases.FOLDER))
    folder.chmod(0o755)
    generous = {"FHIR_DEVICE_RATE": "100000", "FHIR_DEVICE_BURST": "100000", "FHIR_LOG_LEVEL": "warning"}
    server = Server(folder, _free_port(), workers, generous | settings)
    try:
        server.start()
        server.await_ready(90)
        yield server
    finally:
        with suppress(EmbeddedError):
            _continued(server)
        server.stop()
        log_guard.keep(folder, folder.name)
        shutil.rmtree(folder, ignore_errors=True)


def send(pids: list[int], number: signal.Signals) -> None:
    """Sends a signal to each process that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _continued(server: Server) -> None:
    send(server.postgres_pids(), signal.SIGCONT)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
