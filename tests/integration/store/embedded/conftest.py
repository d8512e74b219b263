"""Data directories outside pytest's closed folders, and owner processes that may be killed."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from fhir_server.store.embedded import Embedded
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.lock import read_owner
from tests import databases

NOBODY = 65534
SMALL = {"shared_buffers": "16MB", "fsync": "off"}
IDENTITIES = ["root", "user"] if os.geteuid() == 0 else ["user"]

OWNER = """
import json, sys
from pathlib import Path
from fhir_server.errors import OperatorError
from fhir_server.store.embedded import Embedded

embedded = Embedded(Path(sys.argv[1]), settings={"shared_buffers": "16MB"}, role=sys.argv[2])
try:
    print(json.dumps({"url": embedded.start(), "postmaster": embedded.pid}), flush=True)
except OperatorError as error:
    print(json.dumps({"refusal": f"{type(error).__name__}: {error}"}), flush=True)
sys.stdin.read()
embedded.stop()
"""


@dataclass
class OwnerProcess:
    """A process that owns a data directory until its standard input closes."""

    process: subprocess.Popen[str]
    data_dir: Path
    url: str = ""
    postmaster: int = 0
    refusal: str = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.communicate(timeout=30)


Own = Callable[..., OwnerProcess]


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data directory that was started and stopped once: copying it is quicker than making another."""
    path = Path(tempfile.mkdtemp(prefix="fhir-test-", dir=databases.FOLDER))
    with Embedded(path / "data", settings=SMALL):
        pass
    yield path / "data"
    shutil.rmtree(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder everybody can traverse."""
    path = Path(tempfile.mkdtemp(prefix="fhir-test-", dir=databases.FOLDER))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def data_dir(folder: Path, template: Path) -> Path:
    """A data directory with a cluster in it, at rest."""
    subprocess.run(["cp", "-a", template, folder / "data"], check=True)
    return folder / "data"


@pytest.fixture(params=IDENTITIES)
def identity(request: pytest.FixtureRequest, folder: Path, data_dir: Path) -> str:
    """Who runs the owner, and whose the folder is: both, when the tests run as root."""
    if request.param == "user" and os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
    return request.param


@pytest.fixture
def own(folder: Path) -> Iterator[Own]:
    """Starts an owner process of a data directory; all are killed before the folder goes."""
    started: list[OwnerProcess] = []

    def start(data_dir: Path, identity: str = "", role: str = "server") -> OwnerProcess:
        command = [*_become(identity), sys.executable, "-c", OWNER, str(data_dir), role]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
        )
        owner = OwnerProcess(process, data_dir)
        started.append(owner)
        assert process.stdout is not None
        for name, value in json.loads(process.stdout.readline()).items():
            setattr(owner, name, value)
        return owner

    yield start
    for owner in started:
        owner.process.kill()
        owner.process.communicate()
    for owner in started:
        eventually(lambda claim=owner.data_dir / "pg" / "postmaster.pid": not claim.exists())
        # The next start would remove it, and here is none.
        if (last := read_owner(DataDirectory(owner.data_dir))) and last.socket_folder:
            shutil.rmtree(last.socket_folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}


def _become(identity: str) -> list[str]:
    if identity != "user" or os.geteuid() != 0:
        return []
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if not _everybody_reaches(Path(sys.executable).resolve()):
        # The interpreter lies in a closed home: the user keeps the right to get there, and none of root's else.
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return words


def _everybody_reaches(path: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT true").fetchone() == (True,)
    except psycopg.OperationalError:
        return False


def write_rows(url: str, rows: int = 100) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, %s)", [rows])


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return row[0]
