"""The folder through which workers share their metrics, so that any of them can answer for all.

https://prometheus.github.io/client_python/multiprocess/
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "fhir-server-metrics-"


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """A folder of this process's own, removed at the end; those that killed servers left behind go first."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def forget(folder: Path, pid: int) -> None:
    """Nothing; the live gauges of a worker that ended are gone, and its counters stay counted."""
    for gauge in folder.glob(f"gauge_live*_{pid}.db"):
        gauge.unlink(missing_ok=True)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
