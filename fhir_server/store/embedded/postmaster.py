"""One PostgreSQL: whether it is ready, how it is stopped, and what a killed one leaves behind.

https://www.postgresql.org/docs/18/server-shutdown.html
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fhir_server.store.embedded.failures import StartFailed

_POLL = 0.02
_READY = "ready"
_ORPHAN_PATIENCE = 1.0
_FAST, _IMMEDIATE, _KILL = signal.SIGINT, signal.SIGQUIT, signal.SIGKILL


def name_of(cluster: Path) -> str:
    """The `cluster_name` that every process of this cluster shows: which folder it is, whatever its path."""
    status = cluster.stat()
    return f"fhir-{status.st_dev:x}-{status.st_ino:x}"


def is_ready(cluster: Path, socket_folder: Path) -> bool:
    """Whether the cluster's postmaster says that it takes connections in `socket_folder`."""
    claim = _lines(cluster / "postmaster.pid")
    return len(claim) >= 8 and claim[7].strip() == _READY and claim[4].strip() == str(socket_folder)


def await_ready(process: subprocess.Popen[bytes], cluster: Path, log: Path, *, patience: float) -> None:
    """Nothing; `process` takes connections. StartFailed when it ended, or was not ready in `patience` seconds.

    After a crash PostgreSQL replays its log first, which may take minutes: it is told from a failure by being alive.
    """
    limit = time.monotonic() + patience
    while not _has_become_ready(cluster, process.pid):
        if process.poll() is not None:
            raise StartFailed(
                f"The embedded PostgreSQL ended with {process.returncode} while starting: {_last_words(log)}"
            )
        if time.monotonic() > limit:
            raise StartFailed(
                f"The embedded PostgreSQL was not ready after {patience:.0f} seconds. See {cluster / 'log'}; "
                "if it is replaying its log after a crash, start it again and give it more time."
            )
        time.sleep(_POLL)


def stop(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """Nothing; `process` has ended: by a fast shutdown, else an immediate one, else killed."""
    for order, seconds in ((_FAST, patience), (_IMMEDIATE, 5.0), (_KILL, 5.0)):
        process.send_signal(order)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The processes of a cluster that no owner has started: their owner or their postmaster was killed."""

    cluster: Path
    uid: int

    def cleared(self, patience: float) -> None:
        """Nothing; no process of the cluster is left, and no stale claim on it. StartFailed when one cannot be ended.

        A postmaster whose owner died is on its way out and gets `patience` seconds; backends whose postmaster died end
        at their next wait for a client, or are ended: two generations must never write to the same files.
        """
        first = patience if any(self._processes().values()) else _ORPHAN_PATIENCE
        steps = ((_FAST, first), (_IMMEDIATE, 1.0), (_KILL, 5.0))
        for order, seconds in steps:
            if self._signalled(order) == 0:
                break
            _await(lambda: not self._processes(), seconds)
        if remaining := self._processes():
            raise StartFailed(
                f"Processes {remaining} still use {self.cluster} and cannot be ended. End them first."
            )
        self._drop_stale_claim()

    def _signalled(self, order: signal.Signals) -> int:
        found = self._processes()
        for pid, is_postmaster in found.items():
            # A fast shutdown is the postmaster's to organise; told so one by one, backends would only cancel.
            if is_postmaster or order is not _FAST:
                _send(pid, order)
        return len(found)

    def _processes(self) -> dict[int, bool]:
        """Each process of the cluster, and whether it is its postmaster."""
        name = name_of(self.cluster)
        postmaster, child = f"cluster_name={name}".encode(), f"postgres: {name}: ".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes()
                owned = entry.stat().st_uid == self.uid
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if owned and (postmaster in words.split(b"\0") or words.startswith(child)):
                found[int(entry.name)] = not words.startswith(child)
        return found

    def _drop_stale_claim(self) -> None:
        # PostgreSQL refuses to start while the process number in postmaster.pid is alive, and after a reboot or in a
        # container that number is soon somebody else's. Its shared memory tells whether the claim is still true.
        claim = self.cluster / "postmaster.pid"
        lines = _lines(claim)
        # A claim without that line was cut short: its postmaster never got as far as to have shared memory.
        if len(lines) < 7 or not _is_attached(lines[6]):
            claim.unlink(missing_ok=True)


def _has_become_ready(cluster: Path, pid: int) -> bool:
    lines = _lines(cluster / "postmaster.pid")
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == _READY


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_attached(claim: str) -> bool:
    """Whether any process is attached to the System V segment that a postmaster.pid names as `key id`."""
    if not re.fullmatch(r"\s*\d+\s+\d+\s*", claim):
        return True
    segment = claim.split()[1]
    table = [line.split() for line in _lines(Path("/proc/sysvipc/shm"))[1:]]
    return any(columns[1] == segment and columns[6] != "0" for columns in table)


def _send(pid: int, order: signal.Signals) -> None:
    try:
        os.kill(pid, order)
    except ProcessLookupError:
        return


def _await(condition: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(_POLL)


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-2000:] or "it said nothing"
