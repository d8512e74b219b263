"""Data folders for real processes: one made and migrated, copies of it for each that asks."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import structlog

from fhir_server.cli.catalog import commands
from tests import databases
from tests.acceptance.command_line import ROOT, Server, answer


@pytest.fixture(scope="session")
def pristine():
    """A data folder with an empty, migrated database that nobody runs."""
    # pytest's own folders are closed to the account that PostgreSQL runs as under root.
    folder = Path(tempfile.mkdtemp(prefix="fhir-cli-", dir=databases.FOLDER))
    folder.chmod(0o755)
    answer("migrate", data_dir=folder / "pristine")
    yield folder / "pristine"
    shutil.rmtree(folder, ignore_errors=True)


def _copy(pristine, name):
    target = pristine.parent / name
    shutil.copytree(pristine, target, symlinks=True, copy_function=_copied)
    for path in pristine.rglob("*"):
        if path.is_dir():
            status = path.stat()
            shutil.chown(target / path.relative_to(pristine), status.st_uid, status.st_gid)
    return target


def _copied(source, target):
    shutil.copy2(source, target)
    status = Path(source).stat()
    shutil.chown(target, status.st_uid, status.st_gid)


@pytest.fixture
def data_dir(pristine, request):
    """A data folder of this test's own."""
    return _copy(pristine, request.node.name[:60])


@pytest.fixture(scope="session")
def server(pristine):
    """A running server with two workers; tests that share it use names of their own."""
    own_types = str(ROOT / "examples" / "device-types")
    running = Server(
        _copy(pristine, "shared"),
        "--workers",
        "2",
        FHIR_PROFILES_DIR=own_types,
        FHIR_TRUSTED_PROXIES='["127.0.0.2/32"]',
    )
    yield running
    running.end()


@pytest.fixture
def here(monkeypatch, capsys):
    """The JSON that a command prints, run in this process: two seconds quicker than in one of its own."""
    for name in [name for name in os.environ if name.startswith("FHIR_") or name == "DATABASE_URL"]:
        monkeypatch.delenv(name)
    configured = structlog.get_config()

    def run(*arguments, data_dir, status=0):
        capsys.readouterr()
        code = commands(
            args=[*map(str, arguments), "--json", "--data-dir", str(data_dir)], standalone_mode=False
        )
        assert (code or 0) == status
        return json.loads(capsys.readouterr().out)

    yield run
    structlog.configure(**configured)
