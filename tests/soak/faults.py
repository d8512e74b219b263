"""What the tests of faults wait for, and how long.

docs/operations.md, "Faults"
"""

import os
import time

import psutil

from tests.soak.server import TEN_SECONDS


def patience() -> float:
    """Ten seconds on a machine of one's own; longer where other work has the processors, by as much as it has them."""
    return TEN_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def await_gone(pid: int) -> None:
    """Returns when the process has ended and its parent knows."""
    limit = time.monotonic() + TEN_SECONDS
    while psutil.pid_exists(pid):
        assert time.monotonic() < limit, "a killed process is still there"
        time.sleep(0.01)
