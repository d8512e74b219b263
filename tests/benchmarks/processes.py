"""The server under test and its database as processes, and the CPU they use.

https://psutil.readthedocs.io
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

TOKEN = "a-token-for-the-benchmark-and-nothing-else"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, the address of its database, the folder with its keys."""

    port: int
    database_url: str
    data_dir: Path
    owner: psutil.Process

    def cpu(self) -> tuple[float, float]:
        """CPU seconds used so far by the server's Python processes and by PostgreSQL."""
        server = database = 0.0
        for process in [self.owner, *self.owner.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used = times.user + times.system
                if process.name().startswith("postgres"):
                    database += used + times.children_user + times.children_system
                else:
                    server += used
        return server, database

    def memory(self) -> int:
        """Bytes that the server's Python processes have for themselves."""
        total = 0
        for process in [self.owner, *self.owner.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                if not process.name().startswith("postgres"):
                    total += process.memory_full_info().uss
        return total


@contextmanager
def bare(application: str) -> Iterator[tuple[int, psutil.Process]]:
    """The port of a bare ASGI application of tests/benchmarks, on the same event loop and HTTP parser as the server."""
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        f"tests.benchmarks.{application}:app",
        "--port",
        str(port),
        "--no-access-log",
    ]
    with _running([*command, "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]) as process:
        _wait(f"http://127.0.0.1:{port}/", process)
        yield port, psutil.Process(process.pid)


@contextmanager
def server(workers: int = 1, **settings: str) -> Iterator[Server]:
    """The server as an operator starts it, on an embedded PostgreSQL, with the settings it ships with but for `settings`."""
    port = _free_port()
    with tempfile.TemporaryDirectory(
        prefix="fhir-bench-", dir="/var/tmp", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)
        data = folder / "data"
        script = str(Path(sys.executable).with_name("fhir-server"))
        command = [
            script,
            "serve",
            "--port",
            str(port),
            "--data-dir",
            str(data),
        ]
        environment = os.environ | {
            "FHIR_TOKEN": TOKEN,
            "FHIR_LOG_LEVEL": "warning",
            "FHIR_DEVICE_BURST": "100000",
        }
        environment |= {"FHIR_DEVICE_RATE": "100000", **settings}
        environment.pop("DATABASE_URL", None)
        with _running([*command, "--workers", str(workers)], environment) as process:
            _wait(f"http://127.0.0.1:{port}/ready", process)
            from fhir_server.store.embedded import attach

            yield Server(port, attach(data), data, psutil.Process(process.pid))


@contextmanager
def _running(
    command: list[str], environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
