"""The faults: which process is killed, what is waited for then, and how long.

docs/operations.md, "Faults"
"""

import os
import random
import signal
import time
from contextlib import suppress

import psutil

from tests.soak.files import commands
from tests.soak.server import TEN_SECONDS, Server


def worker(server: Server, chance: random.Random) -> None:
    """One process that answers requests."""
    pid = chance.choice(server.worker_pids())
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)


def backend(server: Server, chance: random.Random) -> None:
    """One process of PostgreSQL, after which it ends all the others and recovers."""
    pid = chance.choice(server.postgres_pids()[1:])
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)


def postmaster(server: Server, _: random.Random) -> None:
    """The process that all the others of PostgreSQL are children of."""
    pid = server.postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)


def owner(server: Server, _: random.Random) -> None:
    """The server itself, which is then started again."""
    server.kill_owner()
    server.start()


def command(_: Server, chance: random.Random) -> None:
    """One command line that takes files in, a while after it began."""
    limit = time.monotonic() + TEN_SECONDS
    while not (running := commands()) and time.monotonic() < limit:
        time.sleep(0.05)
    time.sleep(chance.uniform(0, 3))
    for each in running:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def patience() -> float:
    """Ten seconds on a machine of one's own; longer where other work has the processors, by as much as it has them."""
    return TEN_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def await_gone(pid: int) -> None:
    """Returns when the process has ended and its parent knows."""
    limit = time.monotonic() + TEN_SECONDS
    while psutil.pid_exists(pid):
        assert time.monotonic() < limit, "a killed process is still there"
        time.sleep(0.01)
