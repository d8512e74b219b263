"""Packages depend one way, and so do the layers inside the server."""

import os
import subprocess
import sys
import tomllib

from tests.architecture.map_page import PACKAGES, ROOT

_NOT_LAYERED = {"__init__"}


def test_the_import_contracts_are_kept():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "0 broken" in done.stdout


def test_every_package_is_under_a_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(contracts["root_packages"]) == set(PACKAGES)


def test_every_part_of_the_server_has_its_place_among_the_layers():
    (contract,) = [
        each
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        if each.get("containers") == ["fhir_server"]
    ]
    placed = {
        name.strip().strip("()").strip()
        for layer in contract["layers"]
        for name in layer.replace("|", ":").split(":")
    }
    there = {
        path.stem
        for path in (ROOT / "fhir_server").iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))
    }
    assert there - _NOT_LAYERED <= placed
